"""Long-sleeved tops: striped tops, jumpers, cardigans, sweatshirts, hoodies."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import rgb
from scripts.drawing.geometry import box, chain, ellipse, mirrored, ribbon, smooth
from scripts.drawing.parts import (
    METAL,
    Fabric,
    Fold,
    Garment,
    Mark,
    Part,
    button,
    mirror_part,
    seam,
    small_part,
)
from scripts.drawing.tops import (
    Cut,
    Look,
    Sleeve,
    back_neck,
    body,
    hem_band,
    hem_stitches,
    neck_band,
    sleeves,
)

_TOP = Cut(neck_half=0.24, neck_front=-0.76, shoulder=(0.47, -0.77), hem=(0.45, 0.66))
_JUMPER = Cut(shoulder=(0.49, -0.76), armpit=(0.46, -0.33), hem=(0.45, 0.58))
_LABEL = rgb("e8e4da")


def _arm(rng: Generator, cuff_length: float = 0.0) -> Sleeve:
    """Return a long sleeve, hanging down or spread a little."""
    return Sleeve(
        rng.uniform(1.1, 1.2), rng.uniform(1.0, 1.16), rng.uniform(0.05, 0.3), 0.15, cuff_length
    )


def boat_neck_top(look: Look, rng: Generator) -> Garment:
    """A light top with a wide neck."""
    return [
        *back_neck(_TOP, look.main, _LABEL),
        *sleeves(_TOP, _arm(rng), look.main, rng),
        body(_TOP, look.main, rng, hem_stitches(_TOP)),
        neck_band(_TOP, look.main.plain(0.04), 0.03),
    ]


def jumper(look: Look, rng: Generator) -> Garment:
    """A knitted jumper with ribbed cuffs, hem and neck."""
    rib = replace(look.trim.plain(), weave="rib")
    return [
        *back_neck(_JUMPER, look.main, _LABEL),
        *sleeves(_JUMPER, _arm(rng, 0.13), look.main, rng, rib),
        body(_JUMPER, look.main, rng),
        hem_band(_JUMPER, rib),
        neck_band(_JUMPER, rib, 0.075),
    ]


def cable_jumper(look: Look, rng: Generator) -> Garment:
    """A jumper with plaited cables down its front."""
    garment = jumper(look, rng)
    front = garment[-3]
    cables: list[Fold] = []
    for x in (-0.26, -0.09, 0.09, 0.26):
        y = np.linspace(-0.72, 0.6, 60)
        for phase in (0.0, np.pi):
            line = np.stack([x + 0.03 * np.sin(y * 26 + phase), y], axis=1)
            cables += [Fold(line[i : i + 12], 0.045, 0.02) for i in range(0, 50, 9)]
    garment[-3] = replace(front, folds=[*front.folds, *cables])
    return garment


def turtleneck(look: Look, rng: Generator) -> Garment:
    """A jumper with a high folded collar."""
    rib = replace(look.trim.plain(), weave="rib")
    cut = replace(_JUMPER, neck_half=0.17, neck_front=-0.84)
    collar = mirrored((0, -1.06, -0.05), (0.165, -1.05, 0.02), (0.185, -0.84, 0.12), (0, -0.8))
    inside = chain((-0.16, -1.055, -0.12), (0.16, -1.055, -0.16), closed=True)
    return [
        *sleeves(cut, _arm(rng, 0.13), look.main, rng, rib),
        body(cut, look.main, rng),
        hem_band(cut, rib),
        Part(collar, rib, edge=0.04, drop=0.03, wrinkles=0.5),
        small_part(inside, rib.plain(0.2), tone=0.6),
    ]


def sweatshirt(look: Look, rng: Generator) -> Garment:
    """A loose cotton sweatshirt with a small triangle under its neck."""
    rib = replace(look.trim.plain(0.05), weave="rib")
    cut = replace(_JUMPER, hem=(0.48, 0.56))
    notch = [Mark(chain((-0.07, -0.655), (0, -0.55), (0.07, -0.655)), width=0.008, relief=0.004)]
    return [
        *back_neck(cut, look.main, _LABEL),
        *sleeves(cut, _arm(rng, 0.12), look.main, rng, rib),
        body(cut, look.main, rng, notch),
        hem_band(cut, rib),
        neck_band(cut, rib, 0.06),
    ]


def hoodie(look: Look, rng: Generator) -> Garment:
    """A hooded sweatshirt with a pouch and a drawstring."""
    rib = replace(look.trim.plain(0.05), weave="rib")
    cut = replace(_JUMPER, hem=(0.49, 0.56), neck_front=-0.74)
    pouch = mirrored((0, 0.12), (0.22, 0.12, 0.0), (0.33, 0.34, 0.0), (0.33, 0.54, 0.0), (0, 0.56))
    hood = mirrored((0, -1.14, -0.1), (0.27, -1.0, -0.12), (0.3, -0.72, 0.12), (0, -0.58))
    opening = mirrored((0, -1.03, -0.16), (0.17, -0.92, -0.12), (0.13, -0.72, 0.12), (0, -0.63))
    rim = [Mark(np.concatenate([opening, opening[:1]]), width=0.01, relief=0.008)]
    thread = look.accent
    strings = [
        ribbon(smooth((s * 0.1, -0.66), (s * 0.12, -0.5), (s * (0.08 + d), -0.28)), 0.022)
        for s, d in ((1, rng.uniform(0, 0.06)), (-1, rng.uniform(0, 0.06)))
    ]
    return [
        *sleeves(cut, _arm(rng, 0.12), look.main, rng, rib),
        body(cut, look.main, rng),
        hem_band(cut, rib),
        Part(pouch, look.main, puff=0.012, drop=0.016, marks=[seam(box(-0.3, 0.16, 0.3, 0.16))]),
        Part(hood, look.main, puff=0.03, edge=0.07, drop=0.03, marks=rim),
        Part(opening, look.main.plain(0.15), tone=0.62, puff=0.0, drop=0.0),
        *[
            Part(string, Fabric(thread), puff=0.01, edge=0.012, drop=0.012, wrinkles=0.0)
            for string in strings
        ],
        *[
            Part(ellipse(s * 0.1, -0.66, 0.016, 0.016), METAL, puff=0.008, edge=0.01, wrinkles=0)
            for s in (1, -1)
        ],
    ]


def cardigan(look: Look, rng: Generator) -> Garment:
    """A knitted jacket, buttoned over a V neck."""
    rib = replace(look.trim.plain(), weave="rib")
    cut = replace(_JUMPER, neck_half=0.18, neck_front=-0.3, v_neck=True)
    right = chain((0.0, -0.3, 0.03), (0.2, -0.89))
    band = ribbon(np.concatenate([chain((0, 0.68), (0, -0.3)), right]), 0.075)
    left = ribbon(right * (-1, 1), 0.075)
    knob = look.accent
    buttons = [part for y in np.linspace(-0.22, 0.58, 6) for part in button(0, y, knob, 0.021)]
    strip = Part(band, rib, edge=0.02, drop=0.014, wrinkles=0.3)
    return [
        *back_neck(cut, look.main, _LABEL),
        *sleeves(cut, _arm(rng, 0.12), look.main, rng, rib),
        body(cut, look.main, rng),
        hem_band(cut, rib, 0.08),
        mirror_part(replace(strip, outline=left * (-1, 1))),
        strip,
        *buttons,
    ]


LONGSLEEVES = {
    "boat-neck top": boat_neck_top,
    "jumper": jumper,
    "cable jumper": cable_jumper,
    "turtleneck": turtleneck,
    "sweatshirt": sweatshirt,
    "hoodie": hoodie,
    "cardigan": cardigan,
}
