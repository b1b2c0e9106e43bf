"""Trousers and shorts: jeans, chinos, joggers, bermudas, swim shorts."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import Colour
from scripts.drawing.geometry import chain, moved, ribbon, smooth
from scripts.drawing.legs import Legs, elastic_waist, two_legs, waistband
from scripts.drawing.parts import (
    BRASS,
    Fabric,
    Fold,
    Garment,
    Mark,
    Part,
    button,
    mirror_part,
    seam,
    stitches,
)
from scripts.drawing.tops import Look

_STRAIGHT = Legs(0.31, -0.93, 0.42, -0.38, (0.47, 1.02), (0.2, 1.04), 0.04)
_SLIM = Legs(0.3, -0.93, 0.4, -0.38, (0.36, 1.03), (0.17, 1.05), 0.03)
_WIDE = Legs(0.29, -0.93, 0.42, -0.36, (0.66, 1.02), (0.18, 1.05), 0.02)
_TRACK = Legs(0.32, -0.9, 0.43, -0.34, (0.38, 0.9), (0.22, 0.93), -0.03)
_SHORT = Legs(0.42, -0.55, 0.56, 0.08, (0.66, 0.52), (0.09, 0.58), 0.0)
_BERMUDA = Legs(0.4, -0.72, 0.52, -0.05, (0.6, 0.66), (0.12, 0.7), 0.0)


def jeans(look: Look, rng: Generator) -> Garment:
    """Straight denim trousers with visible stitches."""
    return _five_pockets(_STRAIGHT, look, rng)


def slim_jeans(look: Look, rng: Generator) -> Garment:
    """Narrow denim trousers."""
    return _five_pockets(_SLIM, look, rng)


def chinos(look: Look, rng: Generator) -> Garment:
    """Cotton trousers with slanted pockets and a crease."""
    return _pleated(_STRAIGHT, look, rng)


def wide_trousers(look: Look, rng: Generator) -> Garment:
    """Flowing trousers with wide legs."""
    return _pleated(_WIDE, look, rng)


def joggers(look: Look, rng: Generator) -> Garment:
    """Soft trousers with ribbed cuffs, an elastic waist and a drawstring."""
    return _elastic(_TRACK, look, rng, cuff=replace(look.trim.plain(0.05), weave="rib"))


def track_pants(look: Look, rng: Generator) -> Garment:
    """Joggers with stripes down the sides."""
    return _elastic(_TRACK, look, rng, stripes=look.accent)


def denim_shorts(look: Look, rng: Generator) -> Garment:
    """Short denim trousers with turned-up cuffs."""
    legs = replace(_SHORT, outer=(0.62, 0.34), inner=(0.08, 0.42))
    garment = _five_pockets(legs, look, rng)
    cuff = ribbon(chain((0.075, 0.39), (0.632, 0.315)), 0.085)
    turned_up = Part(
        cuff, look.main.plain(-0.25), puff=0.012, edge=0.02, drop=0.014, wrinkles=0.5, angle=-0.13
    )
    return [*garment, mirror_part(turned_up), turned_up]


def chino_shorts(look: Look, rng: Generator) -> Garment:
    """Cotton shorts with slanted pockets."""
    return _pleated(_SHORT, look, rng)


def bermuda_shorts(look: Look, rng: Generator) -> Garment:
    """Knee-length shorts with patch pockets on the legs."""
    pocket = Part(
        chain((0.34, 0.14), (0.56, 0.11), (0.58, 0.4), (0.36, 0.43), closed=True), look.main,
        puff=0.012, edge=0.02, drop=0.014, wrinkles=0.5,
        marks=[seam(chain((0.34, 0.2), (0.57, 0.17)))],
    )  # fmt: skip
    return [*_pleated(_BERMUDA, look, rng), pocket, mirror_part(pocket)]


def swim_shorts(look: Look, rng: Generator) -> Garment:
    """Light shorts with an elastic waist and a drawstring."""
    return _elastic(_SHORT, look, rng)


def sport_shorts(look: Look, rng: Generator) -> Garment:
    """Sports shorts with stripes down the sides."""
    return _elastic(_SHORT, look, rng, stripes=look.accent)


def _five_pockets(legs: Legs, look: Look, rng: Generator) -> Garment:
    thread = look.accent
    w, t = legs.waist, legs.top
    pocket = smooth((w * 0.42, t + 0.005), (w * 0.52, t + 0.13), (w + 0.045, t + 0.19))
    inseam = chain((0.03, legs.crotch + 0.01), (legs.inner[0] + 0.033, legs.inner[1]))
    outer_hem = np.array([legs.outer, legs.inner]) - (0, 0.045)
    marks = [
        Mark(pocket, width=0.012, relief=0.01),
        stitches(moved(pocket, -0.016, 0.014), thread),
        stitches(inseam, thread),
        stitches(outer_hem, thread),
    ]
    fly = smooth((0.085, t), (0.09, t + 0.2), (0.0, t + 0.34))
    center = chain((0.0, t), (0.0, legs.crotch))
    garment = two_legs(legs, look.main, rng, marks, [stitches(fly, thread), seam(center)])
    rivets = [p for s in (1, -1) for p in button(s * (w * 0.42), t + 0.02, BRASS.colour, 0.011)]
    return [*garment, *rivets, *waistband(legs, look, BRASS.colour, thread)]


def _pleated(legs: Legs, look: Look, rng: Generator) -> Garment:
    w, t = legs.waist, legs.top
    pocket = Mark(chain((w * 0.68, t), (w + 0.055, t + 0.27)), width=0.012, relief=0.012)
    hem = seam(np.array([legs.outer, legs.inner]) - (0, 0.055))
    middle = (np.array(legs.outer) + np.array(legs.inner)) / 2
    crease = Fold(smooth((w * 0.5, t + 0.02), (w * 0.62, legs.crotch), middle), 0.035, 0.012)
    fly = smooth((0.075, t), (0.08, t + 0.18), (0.0, t + 0.3))
    centre = seam(chain((0.0, t), (0.0, legs.crotch)))
    garment = two_legs(legs, look.main, rng, [pocket, hem], [seam(fly, 0.007), centre], [crease])
    return [*garment, *waistband(legs, look, look.accent, None)]


def _elastic(
    legs: Legs,
    look: Look,
    rng: Generator,
    *,
    cuff: Fabric | None = None,
    stripes: Colour | None = None,
) -> Garment:
    w, t = legs.waist, legs.top
    pocket = Mark(chain((w * 0.8, t + 0.03), (w + 0.06, t + 0.3)), width=0.012, relief=0.012)
    hem = seam(np.array([legs.outer, legs.inner]) - (0, 0.05))
    marks = [pocket, hem]
    if stripes is not None:
        knee = ((legs.hip + legs.outer[0]) / 2 - legs.knee_in, (legs.crotch + legs.outer[1]) / 2)
        side = smooth((w, t), (legs.hip, legs.crotch - 0.12), knee, legs.outer)
        marks += [Mark(side - (d, 0.0), stripes, width=0.028) for d in (0.035, 0.085)]
    centre = seam(chain((0.0, t), (0.0, legs.crotch)))
    garment = two_legs(legs, look.main, rng, marks, [centre])
    if cuff is not None:
        (x1, y1), (x0, y0) = legs.outer, legs.inner
        band = chain(
            (x0 + 0.005, y0 - 0.02), (x1 - 0.005, y1 - 0.02), (x1 - 0.03, y1 + 0.1),
            (x0 + 0.02, y0 + 0.1), closed=True,
        )  # fmt: skip
        ribbed = Part(band, cuff, edge=0.025, drop=0.012, wrinkles=0.4)
        garment += [ribbed, mirror_part(ribbed)]
    return [*garment, *elastic_waist(legs, look, rng)]


PANTS = {
    "jeans": jeans,
    "slim jeans": slim_jeans,
    "chinos": chinos,
    "wide trousers": wide_trousers,
    "joggers": joggers,
    "track pants": track_pants,
}

SHORTS = {
    "denim shorts": denim_shorts,
    "chino shorts": chino_shorts,
    "bermuda shorts": bermuda_shorts,
    "swim shorts": swim_shorts,
    "sport shorts": sport_shorts,
}
