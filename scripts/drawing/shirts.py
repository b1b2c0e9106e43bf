"""Shirts and blouses: a collar, a button placket, pockets, curved hems."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import Colour, lighter
from scripts.drawing.geometry import Points, box, chain, flip, mirrored, ribbon, smooth
from scripts.drawing.parts import (
    Fabric,
    Garment,
    Mark,
    Part,
    button,
    seam,
    stitches,
)
from scripts.drawing.tops import Cut, Look, Sleeve, body_folds, sleeves

_CUT = Cut(neck_half=0.16, neck_y=-0.88, neck_front=-0.78, hem=(0.46, 0.66))


def oxford_shirt(look: Look, rng: Generator) -> Garment:
    """A long-sleeved shirt with a breast pocket."""
    return _shirt(_CUT, look, rng, _long(rng), pockets=1)


def work_shirt(look: Look, rng: Generator) -> Garment:
    """A sturdy long-sleeved shirt with two flap pockets and contrasting stitches."""
    return _shirt(_CUT, look, rng, _long(rng), pockets=2)


def short_sleeved_shirt(look: Look, rng: Generator) -> Garment:
    """A short-sleeved shirt with a breast pocket."""
    return _shirt(_CUT, look, rng, _short(rng), pockets=1)


def camp_shirt(look: Look, rng: Generator) -> Garment:
    """A loose holiday shirt with an open, flat collar and a straight hem."""
    cut = replace(_CUT, neck_front=-0.6, v_neck=True, hem=(0.5, 0.62), waist=(0.48, 0.15))
    return _shirt(cut, look, rng, _short(rng), pockets=1)


def blouse(look: Look, rng: Generator) -> Garment:
    """A light blouse with a bow at the neck."""
    cut = replace(_CUT, waist=(0.4, 0.1), hem=(0.46, 0.56))
    garment = _shirt(cut, look, rng, _long(rng), pockets=0)
    cloth = look.trim.plain(0.03)
    for side in (1, -1):
        points = np.array([side, 1])
        loop = chain((0.0, -0.72, -0.18), (0.2, -0.8, 0.1), (0.2, -0.64, -0.12), closed=True)
        tail = ribbon(smooth((0.01, -0.7), (0.05, -0.52), (0.1 + side * 0.015, -0.3)), 0.05, 0.1)
        garment.append(Part(tail * points, cloth, drop=0.016, edge=0.02))
        garment.append(Part(loop * points, cloth, drop=0.018, edge=0.03, puff=0.03))
    knot = box(-0.03, -0.755, 0.03, -0.69)
    garment.append(Part(knot, cloth, puff=0.02, edge=0.02, drop=0.012, corner=0.02))
    return garment


def _long(rng: Generator) -> Sleeve:
    return Sleeve(
        rng.uniform(1.12, 1.2), rng.uniform(1.0, 1.18), rng.uniform(0.05, 0.28), 0.15, 0.11
    )


def _short(rng: Generator) -> Sleeve:
    return Sleeve(rng.uniform(0.42, 0.48), rng.uniform(0.75, 0.95), 0.0, 0.31)


def _shirt(cut: Cut, look: Look, rng: Generator, arm: Sleeve, pockets: int) -> Garment:
    is_denim = look.main.weave == "denim"
    thread = look.accent if is_denim or pockets == 2 else None
    knob = look.accent if is_denim else lighter(look.accent, 0.1)
    low = cut.hem[1] + 0.14
    garment = [
        *_inside(cut, look.main),
        *sleeves(cut, arm, look.main, rng, look.trim),
        _front(cut, look.main, rng, thread),
        _placket(cut, look.trim, low, thread),
    ]
    top = cut.neck_front + (0.06 if cut.v_neck else 0.1)
    for y in np.linspace(top, low - 0.2, 6):
        garment += button(0, y, knob, 0.018)
    for side in (1, -1)[:pockets]:
        garment += _pocket(look, thread, side, has_flap=pockets == 2)
    return [*garment, *_collar(cut, look.trim, thread)]


def _front(cut: Cut, fabric: Fabric, rng: Generator, thread: Colour | None) -> Part:
    x, y = cut.hem
    outline = mirrored(
        (0, cut.neck_front, 0.1), (cut.neck_half, cut.neck_y, -0.03), (*cut.shoulder, 0.07),
        (*cut.armpit, 0.02), (*cut.waist, 0.02), (x, y, 0.12), (x * 0.55, y + 0.13, -0.04),
        (0, y + 0.14),
    )  # fmt: skip
    yoke = seam(chain((-0.5, -0.66, -0.02), (0.5, -0.66)))
    low = chain((-x * 0.55, y + 0.1), (x * 0.55, y + 0.1))
    marks = [yoke, _sewn(low, thread)]
    return Part(outline, fabric, folds=body_folds(cut, rng), marks=marks)


def _inside(cut: Cut, fabric: Fabric) -> list[Part]:
    back = mirrored(
        (0, cut.neck_y - 0.05, 0.0), (cut.neck_half + 0.03, cut.neck_y - 0.03, 0.0),
        (cut.neck_half, cut.neck_y + 0.12, 0.0), (0, cut.neck_front + 0.06),
    )  # fmt: skip
    stand = mirrored(
        (0, cut.neck_y - 0.09, -0.04), (cut.neck_half - 0.01, cut.neck_y - 0.075, 0.0),
        (cut.neck_half + 0.01, cut.neck_y - 0.01, 0.0), (0, cut.neck_y + 0.035),
    )  # fmt: skip
    return [
        Part(back, fabric.plain(0.1), tone=0.75, wrinkles=0.3, drop=0.0),
        Part(stand, fabric.plain(0.03), tone=0.88, wrinkles=0.2, drop=0.014, edge=0.02),
    ]


def _placket(cut: Cut, fabric: Fabric, low: float, thread: Colour | None) -> Part:
    sides: Sequence[Mark] = [
        _sewn(chain((x, cut.neck_front), (x, low)), thread) for x in (-0.032, 0.032)
    ]
    strip = box(-0.045, cut.neck_front - 0.02, 0.045, low)
    return Part(strip, fabric, puff=0.006, edge=0.012, drop=0.01, wrinkles=0.6, marks=sides)


def _pocket(look: Look, thread: Colour | None, side: int, *, has_flap: bool) -> list[Part]:
    def placed(points: Points) -> Points:
        return points * (side, 1)

    shape = placed(
        chain(
            (0.12, -0.36), (0.34, -0.36), (0.34, -0.13), (0.23, -0.08), (0.12, -0.13), closed=True
        )
    )
    edge = placed(
        chain((0.13, -0.325), (0.13, -0.14), (0.23, -0.09), (0.33, -0.14), (0.33, -0.325))
    )
    parts = [
        Part(shape, look.main, puff=0.006, edge=0.015, drop=0.008, wrinkles=0.6,
             marks=[_sewn(edge, thread), _sewn(placed(chain((0.12, -0.325), (0.34, -0.325))),
             thread)])
    ]  # fmt: skip
    if has_flap:
        flap = placed(
            chain(
                (0.11, -0.385),
                (0.35, -0.385),
                (0.35, -0.3),
                (0.23, -0.255),
                (0.11, -0.3),
                closed=True,
            )
        )
        parts.append(Part(flap, look.main, puff=0.008, edge=0.015, drop=0.014, wrinkles=0.3))
        parts += button(side * 0.23, -0.29, look.accent, 0.016)
    return parts


def _collar(cut: Cut, fabric: Fabric, thread: Colour | None) -> list[Part]:
    tip = (0.2, -0.6) if cut.v_neck else (0.14, -0.63)
    leaf = chain(
        (0.008, cut.neck_front - 0.01, 0.06), (cut.neck_half - 0.01, cut.neck_y - 0.08, -0.03),
        (cut.neck_half + 0.06, cut.neck_y + 0.035, 0.03), (*tip, 0.0), closed=True,
    )  # fmt: skip
    inner = chain(
        (cut.neck_half + 0.04, cut.neck_y + 0.04, 0.03), (tip[0] - 0.005, tip[1] - 0.03),
        (0.03, cut.neck_front - 0.005),
    )  # fmt: skip
    return [
        Part(outline, fabric, puff=0.014, edge=0.018, drop=0.02, wrinkles=0.3, angle=angle,
             marks=[_sewn(line, thread)])
        for outline, line, angle in ((leaf, inner, 0.5), (flip(leaf), flip(inner), -0.5))
    ]  # fmt: skip


def _sewn(line: Points, thread: Colour | None) -> Mark:
    return seam(line, 0.006) if thread is None else stitches(line, thread)


SHIRTS = {
    "oxford shirt": oxford_shirt,
    "work shirt": work_shirt,
    "short-sleeved shirt": short_sleeved_shirt,
    "camp shirt": camp_shirt,
    "blouse": blouse,
}
