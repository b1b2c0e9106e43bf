"""Skirts: A-line, pencil, pleated, denim, tiered, wrapped."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from scripts.drawing.dresses import drapes
from scripts.drawing.geometry import box, chain, mirrored, ribbon, smooth
from scripts.drawing.parts import (
    BRASS,
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


def a_line_skirt(look: Look, rng: Generator) -> Garment:
    """A knee-length skirt that widens from waist to hem."""
    outline = mirrored((0, -0.68), (0.3, -0.68, 0.0), (0.72, 0.62, -0.07), (0, 0.72))
    cloth = Part(
        outline, look.main, folds=drapes(rng, -0.5, 0.66, 0.62), marks=[_hem_seam(0.7, 0.58, 0.1)]
    )
    return [cloth, *_band(look, 0.305, -0.68)]


def circle_skirt(look: Look, rng: Generator) -> Garment:
    """A wide swinging skirt with a wavy hem."""
    x = np.linspace(0.82, 0.0, 40)
    wave = 0.5 + 0.16 * (1 - (x / 0.82) ** 2) + 0.02 * np.sin(x * 34)
    outline = mirrored((0, -0.62), (0.27, -0.62, 0.06), *zip(x, wave, strict=True))
    return [
        Part(
            outline, look.main, folds=[*drapes(rng, -0.5, 0.6, 0.76), *drapes(rng, -0.6, 0.5, 0.6)]
        ),
        *_band(look, 0.275, -0.62, height=0.08),
    ]


def pencil_skirt(look: Look, rng: Generator) -> Garment:
    """A narrow skirt with a slit at the side."""
    outline = mirrored(
        (0, -0.86), (0.29, -0.86, -0.05), (0.41, -0.3, -0.01), (0.36, 0.86, -0.02), (0, 0.88)
    )
    slit = Mark(chain((0.17, 0.9), (0.185, 0.48)), width=0.016, relief=0.016)
    darts = [seam(chain((s * 0.15, -0.86), (s * 0.18, -0.6)), 0.007) for s in (1, -1)]
    folds = [
        Fold(smooth((-0.36, y), (0, y + d), (0.36, y + 0.03)), 0.07, rng.uniform(0.006, 0.012))
        for y, d in zip(rng.uniform(-0.45, 0.3, 4), rng.uniform(-0.06, 0.06, 4), strict=True)
    ]
    marks = [slit, *darts, _hem_seam(0.4, 0.82, 0.02)]
    return [Part(outline, look.main, folds=folds, marks=marks), *_band(look, 0.295, -0.86)]


def pleated_skirt(look: Look, rng: Generator) -> Garment:
    """A skirt in sharp pleats, each laid over its neighbour."""
    parts: list[Part] = []
    count = 11
    edges = np.linspace(-1.0, 1.0, count + 1)
    low = rng.uniform(0.5, 0.75)
    for i, (left, right) in enumerate(pairwise(edges.tolist())):
        outline = chain(
            (left * 0.31, -0.62), (right * 0.31 + 0.012, -0.62),
            (right * 0.66 + 0.03, low + 0.07 * (1 - right * right)),
            (left * 0.66, low + 0.02 + 0.07 * (1 - left * left)), closed=True,
        )  # fmt: skip
        tilt = -np.arctan2((left + right) / 2 * 0.35, low + 0.62)
        parts.append(
            Part(outline, look.main, angle=tilt, puff=0.012, edge=0.03, drop=0.022,
                 wrinkles=0.35, corner=0.003, tone=0.97 + 0.03 * (i % 2))
        )  # fmt: skip
    return [*reversed(parts), *_band(look, 0.32, -0.62)]


def denim_skirt(look: Look, rng: Generator) -> Garment:
    """A short denim skirt with buttons down the front."""
    outline = mirrored(
        (0, -0.56), (0.36, -0.56, -0.04), (0.5, 0.0, 0.0), (0.56, 0.52, -0.04), (0, 0.56)
    )
    thread = look.accent
    pockets = [
        mark
        for s in (1, -1)
        for mark in (
            Mark(
                smooth((s * 0.16, -0.55), (s * 0.2, -0.4), (s * 0.43, -0.36)),
                width=0.012,
                relief=0.01,
            ),
            stitches(smooth((s * 0.145, -0.55), (s * 0.185, -0.385), (s * 0.43, -0.34)), thread),
        )
    ]
    sides = [stitches(chain((x, -0.56), (x, 0.6)), thread) for x in (-0.05, 0.05)]
    hem = stitches(chain((-0.56, 0.47, -0.025), (0.56, 0.47)), thread)
    folds = [
        Fold(smooth((s * 0.05, y), (s * 0.25, y + 0.04), (s * 0.48, y - 0.02)), 0.07, 0.01)
        for s in (1, -1)
        for y in rng.uniform(-0.3, 0.3, 2)
    ]
    placket = Part(
        box(-0.065, -0.57, 0.065, 0.555),
        look.main,
        puff=0.008,
        edge=0.012,
        wrinkles=0.6,
        marks=sides,
    )
    return [
        Part(outline, look.main, folds=folds, marks=[*pockets, hem]),
        placket,
        *[p for y in np.linspace(-0.42, 0.36, 5) for p in button(0, y, BRASS.colour, 0.023)],
        *_band(look, 0.37, -0.56),
        *button(0.0, -0.6, BRASS.colour, 0.026),
    ]


def tiered_skirt(look: Look, rng: Generator) -> Garment:
    """A long skirt in three gathered tiers."""
    tiers = [(0.29, 0.4, -0.82, -0.38), (0.41, 0.54, -0.4, 0.12), (0.55, 0.7, 0.1, 0.76)]
    parts = []
    for waist, hem, top, low in reversed(tiers):
        outline = mirrored((0, top), (waist, top, 0.02), (hem, low, -0.05), (0, low + 0.06))
        folds = [*drapes(rng, top - 0.1, low, hem), *_tier_gathers(rng, top, waist)]
        parts.append(
            Part(outline, look.main, folds=folds, marks=[_hem_seam(hem, low - 0.03, 0.06)])
        )
    return [*parts, *_band(look, 0.295, -0.82)]


def wrap_skirt(look: Look, rng: Generator) -> Garment:
    """A skirt wrapped over itself and tied at the side."""
    under = mirrored((0, -0.72), (0.3, -0.72, -0.03), (0.54, 0.62, -0.05), (0, 0.68))
    over = chain(
        (-0.3, -0.72), (0.3, -0.72, -0.02), (0.42, 0.1, 0.08), (0.18, 0.64, -0.06),
        (-0.54, 0.62, -0.03),
        closed=True,
    )  # fmt: skip
    folds = [
        Fold(smooth((0.24, -0.66), (-0.05, -0.2 + i * 0.2), (-0.4, 0.1 + i * 0.26)), 0.08, 0.022)
        for i in range(4)
    ]
    tails = [
        Part(ribbon(smooth((0.24, -0.74), (0.3 + d, -0.5), (0.25 + d, -0.28)), 0.035, 0.06),
        look.trim,
             puff=0.01, edge=0.015, drop=0.016)
        for d in (0.0, 0.09)
    ]  # fmt: skip
    return [
        Part(under, look.main, folds=drapes(rng, -0.6, 0.6, 0.5), tone=0.93),
        Part(over, look.main, folds=folds, drop=0.03),
        *_band(look, 0.305, -0.72, height=0.08),
        *tails,
        Part(box(0.2, -0.8, 0.28, -0.72), look.trim, puff=0.02, edge=0.02, corner=0.02),
    ]


def _tier_gathers(rng: Generator, top: float, half: float) -> list[Fold]:
    return [
        Fold(chain((x, top - 0.03), (x * 1.03, top + rng.uniform(0.08, 0.2))), 0.03, 0.018)
        for x in np.linspace(-half, half, 17) + rng.uniform(-0.01, 0.01, 17)
    ]


def _hem_seam(half: float, y: float, drop: float) -> Mark:
    x = np.linspace(-half, half, 40)
    return seam(np.stack([x, y + drop * (1 - (x / half) ** 2)], axis=1), 0.007)


def _band(look: Look, half: float, y: float, height: float = 0.1) -> list[Part]:
    outline = mirrored(
        (0, y - height + 0.012, -0.02),
        (half - 0.01, y - height, 0.0),
        (half + 0.004, y + 0.01, 0.02),
        (0, y + 0.02),
    )
    inside = chain((-half + 0.02, y - height, -0.03), (half - 0.02, y - height, -0.05), closed=True)
    cloth = look.trim
    catch = Part(
        box(half * 0.55, y - height + 0.02, half * 0.55 + 0.012, y), replace(cloth.plain(0.4)),
        puff=0.002, edge=0.005, drop=0.0, wrinkles=0.0,
    )  # fmt: skip
    return [
        Part(inside, cloth.plain(0.3), tone=0.6, puff=0.0, drop=0.0, wrinkles=0.2),
        Part(outline, cloth, edge=0.02, drop=0.016, wrinkles=0.4),
        mirror_part(catch),
    ]


SKIRTS = {
    "a-line skirt": a_line_skirt,
    "circle skirt": circle_skirt,
    "pencil skirt": pencil_skirt,
    "pleated skirt": pleated_skirt,
    "denim skirt": denim_skirt,
    "tiered skirt": tiered_skirt,
    "wrap skirt": wrap_skirt,
}
