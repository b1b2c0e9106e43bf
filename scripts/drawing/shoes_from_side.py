"""Shoes from the side, the second one of the pair behind the first."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import Colour, rgb
from scripts.drawing.geometry import (
    Points,
    along,
    chain,
    ellipse,
    loop,
    moved,
    ribbon,
    smooth,
)
from scripts.drawing.parts import (
    Fabric,
    Fold,
    Garment,
    Mark,
    Part,
    mirror_part,
    placed_part,
    seam,
    small_part,
    stitches,
)
from scripts.drawing.tops import Look

_RUBBER = Fabric(rgb("efece4"), "plastic")
_DARK_SOLE = Fabric(rgb("3a332e"), "plastic")
_LINING = Fabric(rgb("cdbfa8"))


def low_sneakers(look: Look, rng: Generator) -> Garment:
    """Low canvas or leather trainers with laces."""
    upper = np.concatenate([
        smooth((0.78, 0.32), (0.82, 0.06), (0.77, -0.2), (0.72, -0.32), (0.6, -0.25), (0.45, -0.2),
               (0.3, -0.25), (0.2, -0.36)),
        smooth((0.1, -0.34), (-0.12, -0.14), (-0.34, -0.02), (-0.6, 0.05), (-0.8, 0.15),
        (-0.87, 0.32)),
    ])  # fmt: skip
    cap = loop(
        (-0.5, 0.03),
        (-0.7, 0.08),
        (-0.84, 0.17),
        (-0.88, 0.34),
        (-0.6, 0.36),
        (-0.48, 0.34),
        (-0.44, 0.16),
    )
    stay = chain(
        (0.21, -0.355), (0.09, -0.345, 0.03), (-0.36, -0.01, 0.05), (-0.36, 0.07, 0.0),
        (-0.1, -0.02, 0.0),
        (0.22, -0.22), closed=True,
    )  # fmt: skip
    heel = chain((0.76, -0.28), (0.64, -0.26, -0.03), (0.58, 0.3), (0.79, 0.3, -0.06), closed=True)
    flash = ribbon(smooth((0.5, 0.24), (0.26, 0.12), (0.06, -0.06)), 0.07, 0.05)
    trim = replace(look.trim, pattern=None)
    shoe = [
        *_tongue((0.14, -0.38), trim),
        *_shaft_inside(0.48, -0.25, 0.22, 0.05),
        Part(upper, look.main, edge=0.06, puff=0.035, drop=0.02, folds=_bends(rng), wrinkles=0.5),
        Part(
            flash, Fabric(look.accent, "leather"), puff=0.006, edge=0.012, drop=0.006, wrinkles=0.2
        ),
        Part(heel, trim, puff=0.008, edge=0.02, drop=0.008, wrinkles=0.2),
        Part(cap, trim, puff=0.012, edge=0.03, drop=0.008, wrinkles=0.1),
        Part(stay, look.main.plain(0.05), puff=0.01, edge=0.015, drop=0.012, wrinkles=0.2),
        *_laces((0.13, -0.29), (-0.29, 0.0), 5, look.accent),
        *_flat_sole(_RUBBER, 0.9, 0.84, 0.28, 0.42, stripe=look.accent),
    ]
    return _pair_from_side(shoe, rng)


def high_tops(look: Look, rng: Generator) -> Garment:
    """Canvas trainers that cover the ankle."""
    upper = np.concatenate([
        smooth((0.74, 0.36), (0.78, 0.1), (0.7, -0.2), (0.68, -0.5), (0.7, -0.72)),
        smooth((0.2, -0.78), (0.16, -0.52), (0.06, -0.26), (-0.16, -0.06), (-0.42, 0.05),
        (-0.66, 0.1),
               (-0.82, 0.2), (-0.87, 0.36)),
    ])  # fmt: skip
    cap = loop(
        (-0.5, 0.08),
        (-0.7, 0.12),
        (-0.83, 0.21),
        (-0.88, 0.38),
        (-0.6, 0.4),
        (-0.48, 0.38),
        (-0.44, 0.2),
    )
    line = smooth((0.24, -0.76), (0.19, -0.52), (0.09, -0.27), (-0.12, -0.07), (-0.36, 0.04))
    trim = replace(look.trim, pattern=None)
    back = stitches(smooth((0.6, -0.7), (0.58, -0.3), (0.62, 0.3)), look.trim.colour)
    shoe = [
        *_tongue((0.13, -0.76), look.main.plain(0.1)),
        *_shaft_inside(0.45, -0.74, 0.25, 0.045),
        Part(upper, look.main, edge=0.06, puff=0.035, folds=_bends(rng),
        wrinkles=0.6, marks=[back]),
        Part(ribbon(moved(line, 0.035, 0.03), 0.13), look.main.plain(0.06), puff=0.008, edge=0.014,
             drop=0.01, wrinkles=0.2),
        *[_lace(at, look.trim.colour) for at in _steps(moved(line, 0.03, 0.03), 8)],
        small_part(ellipse(0.46, -0.36, 0.1, 0.1), Fabric(look.trim.colour)),
        Part(cap, trim, puff=0.012, edge=0.03, drop=0.008, wrinkles=0.1),
        *_flat_sole(_RUBBER, 0.9, 0.79, 0.32, 0.46, stripe=look.accent),
    ]  # fmt: skip
    return _pair_from_side(shoe, rng, behind=(0.26, -0.2))


def chelsea_boots(look: Look, rng: Generator) -> Garment:
    """Ankle boots with elastic at the sides."""
    upper = np.concatenate([
        smooth((0.68, 0.34), (0.71, 0.12), (0.63, -0.16), (0.62, -0.5), (0.65, -0.78)),
        smooth((0.1, -0.78), (0.12, -0.5), (0.06, -0.26), (-0.16, -0.08), (-0.45, 0.02),
        (-0.7, 0.1),
               (-0.84, 0.2), (-0.87, 0.34)),
    ])  # fmt: skip
    elastic = chain((0.46, -0.78), (0.23, -0.78), (0.28, -0.38, -0.12), (0.44, -0.38), closed=True)
    tab = ribbon(chain((0.6, -0.74), (0.62, -0.88)), 0.06)
    shoe = [
        Part(tab, look.trim.plain(0.3), puff=0.008, edge=0.01, wrinkles=0),
        *_shaft_inside(0.37, -0.78, 0.27, 0.04),
        Part(upper, look.main, edge=0.07, puff=0.045, folds=_bends(rng), wrinkles=0.5,
             marks=[seam(smooth((0.36, -0.38), (0.32, -0.1), (0.36, 0.32)))]),
        Part(elastic, replace(look.trim.plain(0.3), weave="rib"),
        puff=0.006, edge=0.012, wrinkles=0.1),
        *_flat_sole(_DARK_SOLE, 0.9, 0.73, 0.32, 0.42),
        *_block_heel(_DARK_SOLE, 0.3, 0.73, 0.39, 0.53),
    ]  # fmt: skip
    return _pair_from_side(shoe, rng, behind=(0.26, -0.2))


def heels(look: Look, rng: Generator) -> Garment:
    """Pumps with a slim high heel."""
    top = smooth((0.69, -0.42), (0.5, -0.2), (0.2, 0.05), (-0.1, 0.22), (-0.34, 0.27))
    toe = smooth((-0.38, 0.25), (-0.6, 0.34), (-0.78, 0.44), (-0.88, 0.54))
    arch = smooth((-0.84, 0.57), (-0.4, 0.57), (-0.08, 0.5), (0.2, 0.3), (0.45, 0.06), (0.7, -0.02))
    upper = np.concatenate([top, toe, arch, smooth((0.74, -0.12), (0.73, -0.3), (0.69, -0.42))])
    stick = chain(
        (0.55, -0.02, 0.0), (0.735, -0.1, 0.03), (0.665, 0.57), (0.61, 0.57, 0.05), closed=True
    )
    inside = np.concatenate([top, smooth((-0.3, 0.2), (0.05, 0.02), (0.4, -0.24), (0.66, -0.43))])
    shoe = [
        Part(inside, _LINING, tone=0.75, puff=0.0, drop=0.0, wrinkles=0.1),
        Part(stick, look.main.plain(0.15), edge=0.03, puff=0.03, wrinkles=0.1),
        Part(upper, look.main, edge=0.06, puff=0.04, wrinkles=0.15),
        Part(
            ribbon(moved(arch, 0, 0.005), 0.035),
            _DARK_SOLE,
            puff=0.008,
            edge=0.01,
            drop=0,
            wrinkles=0,
        ),
    ]
    return _pair_from_side(shoe, rng, behind=(0.18, -0.2))


def _pair_from_side(
    shoe: Sequence[Part], rng: Generator, behind: tuple[float, float] = (0.1, -0.3)
) -> Garment:
    """Return one shoe in front of the other, toes to the left or to the right."""
    scale = 0.82

    def back(points: Points) -> Points:
        return moved(points, behind[0], behind[1], scale)

    def front(points: Points) -> Points:
        return moved(points, -behind[0] * 0.6, -behind[1] * 0.9, scale)

    far = [replace(placed_part(part, back), tone=part.tone * 0.95) for part in shoe]
    pair = [*far, *(placed_part(part, front) for part in shoe)]
    return [mirror_part(part) for part in pair] if rng.uniform() < 0.5 else pair


def _flat_sole(
    rubber: Fabric, toe: float, heel: float, top: float, low: float, stripe: Colour | None = None
) -> list[Part]:
    outline = chain(
        (-toe + 0.02, top, 0.0), (heel, top, -0.2), (heel - 0.03, low, 0.0),
        (-toe + 0.1, low, -0.2),
        (-toe, top + 0.05, -0.1), closed=True,
    )  # fmt: skip
    marks = []
    if stripe is not None:
        y = top * 0.45 + low * 0.55
        marks.append(Mark(chain((-toe, y), (heel, y)), stripe, width=0.016))
    return [Part(outline, rubber, edge=0.03, puff=0.025, drop=0.01, marks=marks, wrinkles=0.1)]


def _block_heel(rubber: Fabric, x0: float, x1: float, top: float, low: float) -> list[Part]:
    outline = chain((x0, top), (x1 - 0.01, top), (x1 - 0.03, low), (x0 + 0.04, low), closed=True)
    return [Part(outline, rubber, edge=0.02, puff=0.02, drop=0.01, wrinkles=0.0)]


def _tongue(top: tuple[float, float], fabric: Fabric) -> list[Part]:
    x, y = top
    outline = loop(
        (x + 0.09, y + 0.06),
        (x + 0.07, y - 0.06),
        (x, y - 0.09),
        (x - 0.05, y - 0.05),
        (x - 0.06, y + 0.08),
    )
    return [Part(outline, fabric, edge=0.03, puff=0.02, drop=0.01, wrinkles=0.3)]


def _shaft_inside(x: float, y: float, rx: float, ry: float) -> list[Part]:
    return [Part(ellipse(x, y, rx, ry), _LINING, tone=0.62, puff=0.0, drop=0.0, wrinkles=0.1)]


def _laces(
    start: tuple[float, float], end: tuple[float, float], count: int, colour: Colour
) -> list[Part]:
    return [_lace(at, colour) for at in _steps(chain(start, end), count)]


def _steps(line: Points, count: int) -> list[tuple[Points, Points]]:
    """Return places along a line, each with the direction there."""
    places = [along(line, share) for share in np.linspace(0.0, 1.0, count)]
    directions = np.gradient(np.array(places), axis=0)
    return list(zip(places, directions, strict=True))


def _lace(step: tuple[Points, Points], colour: Colour) -> Part:
    at, ahead = step
    across = np.array([-ahead[1], ahead[0]]) / np.linalg.norm(ahead)
    line = smooth(at - across * 0.06, at + ahead * 0.25, at + across * 0.06)
    return Part(
        ribbon(line, 0.03), Fabric(colour), puff=0.012, edge=0.012, drop=0.012, wrinkles=0.0
    )


def _bends(rng: Generator) -> list[Fold]:
    """Return the creases that walking makes behind the toes."""
    return [
        Fold(smooth((x, 0.02), (x - 0.03, 0.1), (x + 0.01, 0.22)), 0.05, rng.uniform(0.006, 0.012))
        for x in rng.uniform(-0.44, -0.2, 3)
    ]


SIDE_SHOES = {
    "low sneakers": low_sneakers,
    "high-tops": high_tops,
    "chelsea boots": chelsea_boots,
    "heels": heels,
}
