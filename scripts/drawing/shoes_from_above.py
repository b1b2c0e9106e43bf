"""Shoes from above, side by side."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import darker, rgb
from scripts.drawing.geometry import (
    Points,
    chain,
    ellipse,
    loop,
    moved,
    ribbon,
    smooth,
    turned,
)
from scripts.drawing.parts import (
    BRASS,
    Fabric,
    Garment,
    Mark,
    Part,
    mirror_part,
    placed_part,
    small_part,
    stitches,
)
from scripts.drawing.tops import Look

_WELT = Fabric(rgb("3a332e"), "plastic")
_LINING = Fabric(rgb("cdbfa8"))
_CORK = Fabric(rgb("c09a6b"), "suede")


def ballet_flats(look: Look, rng: Generator) -> Garment:
    """Flat slip-on shoes with a bow, from above."""
    sole = _last(0.25, 0.2, 0.8)
    opening = loop(
        (0.0, -0.3),
        (0.12, -0.2),
        (0.165, 0.1),
        (0.14, 0.5),
        (0.0, 0.64),
        (-0.14, 0.5),
        (-0.165, 0.1),
        (-0.12, -0.2),
    )
    bow = [
        Part(chain((0.0, -0.36, 0.0), (s * 0.11, -0.42, 0.1 * s), (s * 0.11, -0.31, 0.0),
        closed=True),
             look.trim, puff=0.014, edge=0.015, drop=0.012, wrinkles=0.2)
        for s in (1, -1)
    ]  # fmt: skip
    rim = [Mark(np.concatenate([opening, opening[:1]]), darker(look.trim.colour, 0.1), width=0.02)]
    shoe = [
        Part(sole, look.main, edge=0.08, puff=0.05, drop=0.05, marks=rim, wrinkles=0.4),
        Part(opening, _LINING, edge=0.03, puff=-0.02, drop=0.0, tone=0.86, wrinkles=0.2),
        *bow,
        Part(
            ellipse(0, -0.36, 0.025, 0.03),
            look.trim,
            puff=0.014,
            edge=0.015,
            drop=0.008,
            wrinkles=0,
        ),
    ]
    return _pair_from_above(shoe, rng)


def sandals(look: Look, rng: Generator) -> Garment:
    """Sandals with two buckled straps and a cork sole, from above."""
    bed = _last(0.25, 0.215, 0.78)
    foot = moved(_last(0.25, 0.215, 0.78), 0.0, 0.0, 0.93)
    strap = smooth((-0.29, -0.3), (-0.1, -0.36), (0.1, -0.36), (0.29, -0.27))
    strap_low = smooth((-0.28, -0.02), (-0.1, -0.09), (0.1, -0.09), (0.28, 0.01))
    straps = [
        Part(ribbon(line, 0.17), look.main, puff=0.04, edge=0.05, drop=0.04, wrinkles=0.3,
             marks=[stitches(moved(line, 0, d), look.accent) for d in (-0.068, 0.068)])
        for line in (strap, strap_low)
    ]  # fmt: skip
    buckles = [
        part
        for y in (-0.33, -0.05)
        for part in (
            Part(
                ellipse(0.12, y, 0.05, 0.062), BRASS, puff=0.014, edge=0.014, drop=0.014, wrinkles=0
            ),
            small_part(ellipse(0.12, y, 0.028, 0.04), look.main.plain(0.15)),
        )
    ]
    shoe = [
        Part(bed, _CORK, edge=0.03, puff=0.03, drop=0.05, wrinkles=0.3),
        Part(foot, replace(_LINING, weave="suede"), edge=0.05, puff=-0.015, drop=0.0, wrinkles=0.4),
        *straps,
        *buckles,
    ]
    return _pair_from_above(shoe, rng)


def oxfords(look: Look, rng: Generator) -> Garment:
    """Laced leather shoes, from above."""
    welt = moved(_last(0.26, 0.21, 0.82), 0.0, 0.0, 1.03)
    upper = _last(0.255, 0.2, 0.8)
    opening = loop(
        (0.0, 0.14),
        (0.12, 0.2),
        (0.145, 0.42),
        (0.1, 0.62),
        (0.0, 0.67),
        (-0.1, 0.62),
        (-0.145, 0.42),
        (-0.12, 0.2),
    )
    cap = Mark(smooth((-0.27, -0.42), (0.0, -0.47), (0.27, -0.42)), width=0.012, relief=0.012)
    facing = chain(
        (0.0, -0.2, -0.04),
        (0.15, -0.12, 0.0),
        (0.17, 0.22),
        (-0.17, 0.22),
        (-0.15, -0.12, -0.04),
        closed=True,
    )
    tongue = chain((-0.05, -0.16), (0.05, -0.16), (0.09, 0.2, -0.1), (-0.09, 0.2), closed=True)
    counter = [
        Mark(smooth((s * 0.26, 0.1), (s * 0.2, 0.34), (s * 0.2, 0.6)), width=0.01, relief=0.008)
        for s in (1, -1)
    ]
    laces = [
        Part(ribbon(chain((-0.1, y + 0.01), (0.1, y - 0.01)), 0.026), Fabric(look.accent),
             puff=0.012, edge=0.012, drop=0.01, wrinkles=0)
        for y in np.linspace(-0.12, 0.16, 5)
    ]  # fmt: skip
    shoe = [
        Part(welt, _WELT, edge=0.02, puff=0.02, drop=0.05, wrinkles=0),
        Part(
            upper, look.main, edge=0.11, puff=0.08, drop=0.01, marks=[cap, *counter], wrinkles=0.3
        ),
        Part(opening, _LINING, edge=0.03, puff=-0.02, drop=0.0, tone=0.7, wrinkles=0.2),
        Part(facing, look.main, puff=0.008, edge=0.015, drop=0.01, wrinkles=0.2),
        small_part(tongue, look.main.plain(0.35), tone=0.8),
        *laces,
    ]
    return _pair_from_above(shoe, rng)


def _last(ball: float, heel: float, length: float) -> Points:
    """Return the outline of a right shoe from above, its toe at the top."""
    return loop(
        (-0.04, -length), (ball * 0.62, -length * 0.86), (ball, -length * 0.42),
        (heel * 0.95, length * 0.15),
        (heel * 0.95, length * 0.65), (heel * 0.6, length * 0.93), (0.0, length),
        (-heel * 0.6, length * 0.93),
        (-heel * 0.92, length * 0.65), (-heel * 0.86, length * 0.15), (-ball * 1.02, -length * 0.5),
        (-ball * 0.72, -length * 0.9),
    )  # fmt: skip


def _pair_from_above(shoe: Sequence[Part], rng: Generator) -> Garment:
    parts: list[Part] = []
    for side in (-1, 1):
        turn = side * rng.uniform(0.02, 0.14)
        shift = (side * 0.33, rng.uniform(-0.06, 0.06))

        def place(points: Points, turn: float = turn, shift: tuple[float, float] = shift) -> Points:
            return turned(points, turn) + shift

        for part in shoe:
            parts.append(placed_part(part if side == 1 else mirror_part(part), place, turn))
    return parts


FLAT_SHOES = {
    "ballet flats": ballet_flats,
    "sandals": sandals,
    "oxfords": oxfords,
}
