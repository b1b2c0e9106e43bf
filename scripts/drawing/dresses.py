"""Dresses: shifts, summer dresses with straps, shirt dresses, wrap dresses, maxi dresses."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import darker, rgb
from scripts.drawing.geometry import Points, box, chain, mirrored, ribbon, smooth
from scripts.drawing.parts import Fabric, Fold, Garment, Mark, Part, button, mirror_part, seam
from scripts.drawing.tops import Cut, Look, Sleeve, back_neck, neck_band, sleeves

_CUT = Cut(
    neck_half=0.17, neck_y=-1.02, neck_front=-0.84, shoulder=(0.35, -0.96), armpit=(0.33, -0.62)
)
_LABEL = rgb("e8e4da")


def shift_dress(look: Look, rng: Generator) -> Garment:
    """A straight knee-length dress with short sleeves."""
    outline = mirrored(
        (0, -0.84, 0.24), (0.17, -1.02, -0.03), (0.37, -0.94, 0.06), (0.34, -0.58, 0.05),
        (0.33, -0.2, -0.02), (0.43, 0.78, -0.03), (0, 0.81),
    )  # fmt: skip
    cut = replace(_CUT, shoulder=(0.37, -0.94), armpit=(0.34, -0.58))
    return [
        *back_neck(cut, look.main, _LABEL),
        *sleeves(cut, Sleeve(0.34, 0.85, 0.0, 0.26), look.main, rng),
        _skirted(outline, look.main, rng, top=-0.3, low=0.8, spread=0.36),
        neck_band(cut, look.trim, 0.035),
    ]


def sun_dress(look: Look, rng: Generator) -> Garment:
    """A sleeveless summer dress with thin straps and a wide skirt."""
    bodice = mirrored(
        (0, -0.68, -0.12), (0.15, -0.78, 0.06), (0.22, -0.78, 0.14), (0.31, -0.55, 0.08),
        (0.24, -0.14, 0.0), (0, -0.12),
    )  # fmt: skip
    straps = [
        Part(ribbon(smooth((s * 0.19, -0.76), (s * 0.2, -0.95), (s * 0.15, -1.1)), 0.035),
             look.trim, puff=0.008, edge=0.01, drop=0.012, wrinkles=0.1)
        for s in (1, -1)
    ]  # fmt: skip
    back = chain((-0.24, -0.74, 0.06), (0.24, -0.74), (0.24, -0.6), (-0.24, -0.6), closed=True)
    return [
        Part(back, look.main.plain(0.15), tone=0.75, drop=0.0, wrinkles=0.3),
        *straps,
        _wide_skirt(look, rng, waist=0.24, hem=0.66, low=0.78),
        Part(bodice, look.main, folds=_gathers(rng, -0.14, -0.42, 0.22)),
        _belt(look, 0.245, -0.13),
    ]


def skater_dress(look: Look, rng: Generator) -> Garment:
    """A dress with a fitted top, short sleeves and a wide skirt."""
    bodice = mirrored(
        (0, -0.82, 0.24), (0.18, -1.0, -0.03), (0.36, -0.93, 0.06), (0.32, -0.6, 0.06),
        (0.245, -0.16, 0.0), (0, -0.14),
    )  # fmt: skip
    cut = replace(
        _CUT,
        neck_half=0.18,
        neck_y=-1.0,
        neck_front=-0.82,
        shoulder=(0.36, -0.93),
        armpit=(0.32, -0.6),
    )
    return [
        *back_neck(cut, look.main, _LABEL),
        *sleeves(cut, Sleeve(0.28, 0.75, 0.0, 0.27), look.main, rng),
        _wide_skirt(look, rng, waist=0.245, hem=0.62, low=0.66),
        Part(bodice, look.main, folds=_gathers(rng, -0.16, -0.4, 0.2)),
        neck_band(cut, look.trim, 0.03),
        _belt(look, 0.25, -0.15),
    ]


def collared_dress(look: Look, rng: Generator) -> Garment:
    """A sleeveless dress with a round white collar and a pleated skirt."""
    bodice = mirrored(
        (0, -0.9, 0.24), (0.15, -1.02, -0.03), (0.3, -0.98, 0.14), (0.32, -0.58, 0.04),
        (0.27, -0.1, 0.0), (0, -0.08),
    )  # fmt: skip
    leaf = Part(
        chain((0.0, -0.9, 0.14), (0.15, -1.03, -0.03), (0.21, -1.0, 0.06), (0.19, -0.84, 0.14),
              (0.02, -0.79, 0.16), closed=True),
        look.trim, puff=0.012, edge=0.018, drop=0.016, wrinkles=0.1,
    )  # fmt: skip
    cut = replace(_CUT, neck_half=0.15, neck_front=-0.9)
    return [
        *back_neck(cut, look.main, _LABEL),
        _wide_skirt(look, rng, waist=0.27, hem=0.46, low=0.74),
        Part(bodice, look.main, folds=_gathers(rng, -0.1, -0.36, 0.22)),
        _seam_line(-0.095, 0.27),
        leaf,
        mirror_part(leaf),
        *[p for y in (-0.72, -0.6, -0.48) for p in button(0, y, look.trim.colour, 0.018)],
    ]


def _seam_line(y: float, half: float) -> Part:
    line = chain((-half, y, 0.01), (half, y))
    shade = Fabric(darker(rgb("55555a"), 0.4))
    return Part(ribbon(line, 0.006), shade, puff=0.0, drop=0.012, wrinkles=0.0, corner=0.0)


def wrap_dress(look: Look, rng: Generator) -> Garment:
    """A dress that wraps over itself, tied at the waist, with long sleeves."""
    cut = replace(_CUT, neck_front=-0.4, v_neck=True, shoulder=(0.36, -0.95), armpit=(0.33, -0.58))
    bodice = mirrored(
        (0, -0.42, 0.05), (0.16, -1.02, -0.03), (0.36, -0.95, 0.06), (0.33, -0.58, 0.05),
        (0.265, -0.12, 0.0), (0, -0.1),
    )  # fmt: skip
    front_edge = smooth((-0.16, -1.0), (-0.05, -0.58), (0.24, -0.14))
    wrap_edge = smooth((0.18, -0.1), (0.2, 0.3), (0.1, 0.8))
    arm = Sleeve(rng.uniform(0.82, 0.92), rng.uniform(1.0, 1.15), 0.12, 0.19)
    folds = [
        Fold(smooth((0.24, -0.16), (0.02, -0.3 - i * 0.08), (-0.2, -0.5 - i * 0.1)), 0.06, 0.014)
        for i in range(3)
    ]
    skirt = _wide_skirt(look, rng, waist=0.265, hem=0.5, low=0.82)
    edge = [Mark(wrap_edge, width=0.012, relief=0.012)]
    ends = [
        Part(ribbon(smooth((0.2, -0.1), (0.24 + d, 0.05), (0.2 + d, 0.24)), 0.03, 0.05), look.trim,
             puff=0.01, edge=0.015, drop=0.016)
        for d in (0.0, 0.08)
    ]  # fmt: skip
    return [
        *back_neck(cut, look.main, _LABEL),
        *sleeves(cut, arm, look.main, rng),
        replace(skirt, marks=edge),
        Part(bodice, look.main, folds=folds, marks=[Mark(front_edge, width=0.012, relief=0.012)]),
        _belt(look, 0.27, -0.11),
        *ends,
        Part(box(0.165, -0.14, 0.235, -0.07), look.trim, puff=0.02, edge=0.02, corner=0.02),
    ]


def maxi_dress(look: Look, rng: Generator) -> Garment:
    """A long dress in three gathered tiers."""
    tiers = [
        (0.26, 0.4, -0.3, 0.12),
        (0.41, 0.5, 0.1, 0.55),
        (0.51, 0.62, 0.53, 1.05),
    ]
    skirts = [
        _skirted(_tier(*tier), look.main, rng, top=tier[2], low=tier[3], spread=tier[1])
        for tier in reversed(tiers)
    ]
    bodice = mirrored(
        (0, -0.66, -0.02), (0.24, -0.72, 0.12), (0.3, -0.58, 0.1), (0.26, -0.28, 0.0), (0, -0.26)
    )
    straps = [
        Part(ribbon(chain((s * 0.19, -0.7), (s * 0.14, -1.08)), 0.06), look.main, puff=0.01,
             edge=0.014, drop=0.012, wrinkles=0.3)
        for s in (1, -1)
    ]  # fmt: skip
    back = box(-0.25, -0.7, 0.25, -0.55)
    return [
        Part(back, look.main.plain(0.15), tone=0.75, drop=0.0),
        *straps,
        *skirts,
        Part(bodice, look.main, folds=_gathers(rng, -0.28, -0.5, 0.22)),
        _belt(look, 0.26, -0.28, height=0.035),
    ]


def _tier(waist: float, hem: float, top: float, low: float) -> Points:
    return mirrored((0, top), (waist, top, 0.02), (hem, low, -0.05), (0, low + 0.05))


def shirt_dress(look: Look, rng: Generator) -> Garment:
    """A belted dress with a collar and buttons all the way down."""
    cut = replace(
        _CUT, neck_half=0.13, neck_front=-0.9, shoulder=(0.38, -0.94), armpit=(0.34, -0.56)
    )
    outline = mirrored(
        (0, -0.9, 0.1), (0.13, -1.0, -0.03), (0.38, -0.94, 0.06), (0.34, -0.56, 0.05),
        (0.28, -0.1, -0.04), (0.46, 0.78, -0.05), (0, 0.83),
    )  # fmt: skip
    leaf = Part(
        chain((0.0, -0.9, 0.06), (0.13, -1.06, -0.03), (0.2, -0.96, 0.02), (0.12, -0.74),
        closed=True),
        look.trim, puff=0.014, edge=0.018, drop=0.018, wrinkles=0.3, angle=0.5,
    )  # fmt: skip
    placket = Part(box(-0.04, -0.9, 0.04, 0.83), look.main, puff=0.006, edge=0.012, drop=0.01)
    return [
        *back_neck(cut, look.main),
        *sleeves(cut, Sleeve(0.42, 0.9, 0.0, 0.27, 0.06), look.main, rng, look.trim),
        _skirted(outline, look.main, rng, top=0.0, low=0.82, spread=0.4),
        placket,
        *[p for y in np.linspace(-0.74, 0.7, 9) for p in button(0, y, look.accent, 0.018)],
        _belt(look, 0.285, -0.1),
        mirror_part(leaf),
        leaf,
    ]


def _wide_skirt(look: Look, rng: Generator, *, waist: float, hem: float, low: float) -> Part:
    outline = mirrored((0, -0.16), (waist, -0.16, 0.02), (hem, low, -0.07), (0, low + 0.07))
    return _skirted(outline, look.main, rng, top=-0.14, low=low, spread=hem)


def _skirted(
    outline: Points, fabric: Fabric, rng: Generator, *, top: float, low: float, spread: float
) -> Part:
    hem = seam(chain((-spread - 0.1, low - 0.02, -0.035), (spread + 0.1, low - 0.02)), 0.006)
    return Part(outline, fabric, folds=drapes(rng, top, low, spread), marks=[hem])


def drapes(rng: Generator, top: float, low: float, spread: float) -> list[Fold]:
    """Return folds that fan out from a waist to a hem of half width `spread`."""
    folds = []
    for x in np.linspace(-0.88, 0.88, 9) + rng.uniform(-0.06, 0.06, 9):
        end = x * spread
        start = end * rng.uniform(0.42, 0.6)
        y = top + rng.uniform(0.0, 0.35) * (low - top)
        line = smooth((start, y), ((start + end) / 2, (y + low) / 2), (end, low + 0.1))
        folds.append(Fold(line, spread * 0.095, rng.uniform(0.02, 0.045)))
    return folds


def _gathers(rng: Generator, low: float, top: float, half: float) -> Sequence[Fold]:
    return [
        Fold(smooth((x, low + 0.03), (x * 1.05, (low + top) / 2), (x * 1.15, top)), 0.04, 0.01)
        for x in np.linspace(-half, half, 6) + rng.uniform(-0.02, 0.02, 6)
    ]


def _belt(look: Look, half: float, y: float, height: float = 0.05) -> Part:
    band = ribbon(chain((-half - 0.004, y, 0.015), (half + 0.004, y)), height)
    return Part(band, look.trim, puff=0.01, edge=0.015, drop=0.014, wrinkles=0.3)


DRESSES = {
    "shift dress": shift_dress,
    "sun dress": sun_dress,
    "skater dress": skater_dress,
    "collared dress": collared_dress,
    "wrap dress": wrap_dress,
    "maxi dress": maxi_dress,
    "shirt dress": shirt_dress,
}
