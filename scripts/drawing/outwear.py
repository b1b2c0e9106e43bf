"""Outerwear: down jackets and vests, coats, denim jackets, bombers, raincoats."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import rgb
from scripts.drawing.geometry import Points, box, chain, flip, mirrored, moved, ribbon
from scripts.drawing.parts import (
    BRASS,
    Fabric,
    Garment,
    Mark,
    Part,
    button,
    mirror_part,
    seam,
    small_part,
    stitches,
    zipper,
)
from scripts.drawing.tops import Cut, Look, Sleeve, back_neck, body, hem_band, sleeves

_JACKET = Cut(
    neck_half=0.17, neck_front=-0.8, shoulder=(0.5, -0.77), armpit=(0.47, -0.3),
    waist=(0.47, 0.1), hem=(0.48, 0.55),
)  # fmt: skip
_COAT = Cut(
    neck_half=0.16, neck_y=-1.0, neck_front=-0.45, shoulder=(0.45, -0.9), armpit=(0.43, -0.5),
    waist=(0.41, -0.05), hem=(0.52, 0.95), v_neck=True,
)  # fmt: skip
_LINING_LABEL = rgb("e8e4da")


def _arm(rng: Generator, cuff: float = 0.18, cuff_length: float = 0.0) -> Sleeve:
    return Sleeve(
        rng.uniform(1.12, 1.2), rng.uniform(1.08, 1.22), rng.uniform(0.02, 0.22), cuff, cuff_length
    )


def down_jacket(look: Look, rng: Generator) -> Garment:
    """A quilted jacket with a standing collar and a zip."""
    quilt = replace(look.main, weave="quilt")
    rib = replace(look.trim.plain(0.1), weave="rib")
    return [
        *_inner_collar(look),
        *sleeves(_JACKET, _arm(rng, 0.2, 0.05), quilt, rng, rib),
        body(_JACKET, quilt, rng),
        hem_band(_JACKET, rib, 0.05),
        *_standing_collar(quilt),
        *zipper(chain((0.0, -0.98), (0.0, 0.6)), look.accent),
        *_slanted_pockets(look),
    ]


def down_vest(look: Look, rng: Generator) -> Garment:
    """A quilted jacket without sleeves."""
    quilt = replace(look.main, weave="quilt")
    cut = replace(_JACKET, shoulder=(0.4, -0.82), armpit=(0.43, -0.3))
    edges = [
        Part(
            ribbon(chain((x * 0.4, -0.82, b), (x * 0.43, -0.3)), 0.035),
            look.trim.plain(0.15),
            puff=0.012,
            edge=0.012,
            wrinkles=0.2,
        )
        for x, b in ((1, 0.12), (-1, -0.12))
    ]
    front = replace(body(cut, quilt, rng), outline=_vest_outline())
    return [
        *_inner_collar(look),
        front,
        *edges,
        *_standing_collar(quilt),
        *zipper(chain((0.0, -0.98), (0.0, 0.6)), look.accent),
        *_slanted_pockets(look),
    ]


def _vest_outline() -> Points:
    return mirrored(
        (0, -0.8, 0.2), (0.17, -0.88, -0.03), (0.4, -0.82, 0.12), (0.43, -0.3, 0.02),
        (0.46, 0.1, 0.02), (0.48, 0.58, 0.02), (0, 0.61),
    )  # fmt: skip


def _inner_collar(look: Look) -> list[Part]:
    inside = chain((-0.2, -1.02, -0.06), (0.2, -1.02), (0.2, -0.85), (-0.2, -0.85), closed=True)
    return [Part(inside, look.trim.plain(0.2), tone=0.72, wrinkles=0.3, drop=0.0)]


def _standing_collar(fabric: Fabric) -> list[Part]:
    half = chain(
        (0.0, -0.99, 0.0), (0.02, -1.0, 0.03), (0.2, -1.03, 0.02), (0.215, -0.86, 0.08),
        (0.0, -0.77), closed=True,
    )  # fmt: skip
    return [
        Part(outline, replace(fabric, weave="satin"), puff=0.03, edge=0.06, drop=0.02, wrinkles=0.8)
        for outline in (half, flip(half))
    ]


def _slanted_pockets(look: Look) -> list[Part]:
    line = chain((0.2, 0.34), (0.33, 0.12))
    welt = Part(
        ribbon(line, 0.035), look.trim.plain(0.25), puff=0.01, edge=0.01, drop=0.01, wrinkles=0.1
    )
    return [welt, mirror_part(welt)]


def wool_coat(look: Look, rng: Generator) -> Garment:
    """A long double-breasted coat with lapels."""
    garment = _lapelled(_COAT, look, rng)
    for y in (-0.28, 0.02, 0.32):
        for x in (-0.15, 0.13):
            garment += button(x, y, look.accent, 0.032)
    return garment + _flap_pockets(look, 0.34)


def trench_coat(look: Look, rng: Generator) -> Garment:
    """A belted coat with lapels, shoulder straps and two rows of buttons."""
    garment = _lapelled(_COAT, look, rng)
    for y in (-0.3, 0.28):
        for x in (-0.15, 0.13):
            garment += button(x, y, look.accent, 0.027)
    cloth = look.main.plain(0.05)
    strap = Part(
        chain((0.22, -0.985), (0.4, -0.925), (0.385, -0.885), (0.21, -0.945), closed=True), cloth,
        puff=0.01, edge=0.012, drop=0.012, wrinkles=0.1,
    )  # fmt: skip
    belt = box(-0.425, -0.06, 0.425, 0.03)
    tail = chain((0.04, 0.02), (0.12, 0.02), (0.17, 0.34), (0.09, 0.36), closed=True)
    buckle = chain((-0.02, -0.085), (0.1, -0.085), (0.1, 0.055), (-0.02, 0.055), closed=True)
    return [
        *garment,
        *_flap_pockets(look, 0.4),
        strap,
        mirror_part(strap),
        Part(tail, cloth, puff=0.012, edge=0.015, drop=0.02, wrinkles=0.4),
        Part(belt, cloth, puff=0.014, edge=0.018, drop=0.02, wrinkles=0.4),
        Part(buckle, BRASS, puff=0.016, edge=0.015, drop=0.015, wrinkles=0.0),
        Part(box(0.005, -0.06, 0.075, 0.03), cloth, puff=0.004, edge=0.02, drop=0, wrinkles=0.1),
    ]


def _lapelled(cut: Cut, look: Look, rng: Generator) -> Garment:
    x, y = -0.2, cut.hem[1] + cut.hem_drop
    opening = chain((0.0, cut.neck_front), (x, cut.neck_front + 0.22), (x, y - 0.01))
    under = Fabric(rgb("efece6") if look.main.colour.mean() < 0.7 else rgb("46506b"))
    shirt = mirrored(
        (0, -0.98), (0.17, -0.98, 0.0), (0.03, cut.neck_front + 0.01), (0, cut.neck_front + 0.04)
    )
    front = cut.neck_front
    lapel = chain(
        (0.0, front + 0.02, -0.05), (0.165, -1.0, 0.0), (0.215, -0.97, 0.02), (0.2, -0.8, 0.0),
        (0.275, -0.775, 0.03), (0.02, front + 0.06), closed=True,
    )  # fmt: skip
    collar = chain(
        (0.0, -1.07, -0.04), (0.15, -1.05, -0.05), (0.235, -0.95, 0.0), (0.255, -0.83, 0.0),
        (0.17, -0.815, -0.02), (0.14, -0.99, 0.04), (0.0, -1.0), closed=True,
    )  # fmt: skip
    rolled = Part(lapel, look.trim, puff=0.014, edge=0.025, drop=0.024, wrinkles=0.4, angle=0.35)
    turned_down = Part(collar, look.trim, puff=0.014, edge=0.02, drop=0.02, wrinkles=0.3)
    return [
        *back_neck(replace(cut, neck_front=-0.75), look.main, _LINING_LABEL),
        *sleeves(cut, _arm(rng), look.main, rng),
        body(cut, look.main, rng, [Mark(opening, width=0.012, relief=0.012)]),
        small_part(shirt, under.plain(0.25), tone=0.75),
        mirror_part(rolled),
        rolled,
        mirror_part(turned_down),
        turned_down,
    ]


def _flap_pockets(look: Look, y: float) -> list[Part]:
    flap = Part(
        chain((0.17, y), (0.36, y - 0.01), (0.365, y + 0.075), (0.175, y + 0.085), closed=True),
        look.main, puff=0.01, edge=0.014, drop=0.014, wrinkles=0.2,
    )  # fmt: skip
    return [flap, mirror_part(flap)]


def denim_jacket(look: Look, rng: Generator) -> Garment:
    """A short jacket with flap pockets, metal buttons and visible stitches."""
    cut = replace(_JACKET, hem=(0.43, 0.42), waist=(0.45, 0.05))
    thread = look.accent
    yoke = stitches(chain((-0.5, -0.43, -0.01), (0.5, -0.43)), thread)
    darts = [
        stitches(chain((s * x0, -0.4), (s * x1, 0.4)), thread)
        for s in (1, -1)
        for x0, x1 in ((0.13, 0.1), (0.33, 0.2))
    ]
    flap = Part(
        chain((0.13, -0.45), (0.35, -0.45), (0.35, -0.36), (0.24, -0.31), (0.13, -0.36),
        closed=True),
        look.main, puff=0.01, edge=0.012, drop=0.014, wrinkles=0.2,
        marks=[stitches(chain((0.14, -0.37), (0.24, -0.325), (0.34, -0.37)), thread)],
    )  # fmt: skip
    leaf = Part(
        chain((0.0, -0.79, 0.04), (0.17, -0.97, -0.02), (0.25, -0.87, 0.0), (0.16, -0.64),
        closed=True),
        look.trim, puff=0.016, edge=0.02, drop=0.022, wrinkles=0.3, angle=0.5,
    )  # fmt: skip
    sides = [stitches(chain((x, -0.78), (x, 0.42)), thread) for x in (-0.04, 0.04)]
    placket = Part(
        box(-0.055, -0.79, 0.055, 0.44),
        look.main,
        puff=0.006,
        edge=0.012,
        wrinkles=0.5,
        marks=sides,
    )
    cuff = replace(look.main, pattern=None)
    snaps = [p for y in np.linspace(-0.7, 0.34, 5) for p in button(0, y, BRASS.colour, 0.022)]
    return [
        *back_neck(cut, look.main, _LINING_LABEL),
        *sleeves(cut, _arm(rng, 0.17, 0.1), look.main, rng, cuff),
        body(cut, look.main, rng, [yoke, *darts]),
        hem_band(cut, look.main, 0.09),
        placket,
        flap,
        mirror_part(flap),
        *[p for s in (1, -1) for p in button(s * 0.24, -0.345, BRASS.colour, 0.018)],
        *snaps,
        mirror_part(leaf),
        leaf,
    ]


def bomber(look: Look, rng: Generator) -> Garment:
    """A short zipped jacket with ribbed collar, cuffs and hem."""
    rib = replace(look.trim.plain(), weave="rib")
    cut = replace(_JACKET, neck_front=-0.74, hem=(0.48, 0.42), waist=(0.5, 0.1))
    neck = np.concatenate([flip(cut.neckline)[:0:-1], cut.neckline])
    collar = Part(ribbon(moved(neck, 0, -0.01), 0.1), rib, puff=0.02, edge=0.025, wrinkles=0.2)
    return [
        *back_neck(cut, look.main, _LINING_LABEL),
        *sleeves(cut, _arm(rng, 0.18, 0.12), look.main, rng, rib),
        body(cut, look.main, rng, [seam(chain((-0.5, -0.4, -0.02), (0.5, -0.4)))]),
        hem_band(cut, rib, 0.11),
        collar,
        *zipper(chain((0.0, -0.72), (0.0, 0.54)), look.accent),
        *_slanted_pockets(look),
    ]


def raincoat(look: Look, rng: Generator) -> Garment:
    """A hooded coat with snap buttons and patch pockets."""
    cut = replace(_JACKET, hem=(0.55, 0.8), waist=(0.5, 0.15), neck_front=-0.78)
    hood = mirrored((0, -1.17, -0.1), (0.27, -1.02, -0.12), (0.29, -0.78, 0.14), (0, -0.64))
    opening = mirrored((0, -1.06, -0.16), (0.17, -0.95, -0.1), (0.12, -0.78, 0.12), (0, -0.69))
    flap = Part(
        box(-0.07, -0.68, 0.07, 0.83), look.main, puff=0.008, edge=0.015, drop=0.016, wrinkles=0.5
    )
    snaps = [p for y in np.linspace(-0.56, 0.62, 5) for p in button(0, y, look.accent, 0.024)]
    pocket = Part(
        chain((0.16, 0.2), (0.4, 0.2), (0.4, 0.48, 0.03), (0.16, 0.48), closed=True), look.main,
        puff=0.01, edge=0.016, drop=0.012, wrinkles=0.5, marks=[seam(chain((0.16, 0.27),
        (0.4, 0.27)))],
    )  # fmt: skip
    return [
        *sleeves(cut, _arm(rng, 0.2), look.main, rng),
        body(cut, look.main, rng, [seam(cut.hem_line - (0, 0.05))]),
        pocket,
        mirror_part(pocket),
        flap,
        *snaps,
        Part(hood, look.main, puff=0.03, edge=0.06, drop=0.03),
        Part(opening, look.trim.plain(0.2), tone=0.62, puff=0.0, drop=0.0),
    ]


OUTWEAR = {
    "down jacket": down_jacket,
    "down vest": down_vest,
    "wool coat": wool_coat,
    "trench coat": trench_coat,
    "denim jacket": denim_jacket,
    "bomber": bomber,
    "raincoat": raincoat,
}
