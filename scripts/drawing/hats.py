"""Hats: caps, beanies, bucket hats, straw hats, fedoras, berets."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import darker
from scripts.drawing.geometry import (
    Points,
    both,
    chain,
    ellipse,
    loop,
    mirrored,
    moved,
    ribbon,
    smooth,
)
from scripts.drawing.motifs import star
from scripts.drawing.parts import Fold, Garment, Mark, Part, Print, seam, stitches
from scripts.drawing.tops import Look


def baseball_cap(look: Look, rng: Generator) -> Garment:
    """A cap of six panels with a curved peak."""
    return _cap(look, rng, prints=False)


def badge_cap(look: Look, rng: Generator) -> Garment:
    """A cap with a star on its front."""
    return _cap(look, rng, prints=True)


def _cap(look: Look, rng: Generator, *, prints: bool) -> Garment:
    crown = mirrored((0, -0.62, -0.17), (0.5, -0.28, -0.1), (0.6, 0.22, -0.02), (0, 0.3))
    peak = both(
        smooth(
            (0, 0.1), (0.32, 0.13), (0.57, 0.24), (0.66, 0.4), (0.55, 0.57), (0.28, 0.66), (0, 0.69)
        )
    )
    panels = [
        seam(smooth((0, -0.62), (s * 0.2, -0.25), (s * 0.24, 0.3)), 0.01) for s in (1, -1)
    ] + [seam(smooth((0, -0.62), (s * 0.46, -0.3), (s * 0.6, 0.2)), 0.01) for s in (1, -1)]
    eyelets = [
        Mark(chain((s * 0.32, -0.32), (s * 0.32, -0.31)), width=0.03, relief=0.01) for s in (1, -1)
    ]
    rows = [
        stitches(smooth((-0.62, 0.3 + d), (-0.3, 0.25 + d), (0, 0.24 + d), (0.3, 0.25 + d),
        (0.62, 0.3 + d)),
                 darker(look.trim.colour, 0.25))
        for d in np.linspace(0.03, 0.34, 5)
    ]  # fmt: skip
    badge: list[Print] = []
    if prints:
        outline, colour = star(look.accent, look.accent, rng)[0]
        badge = [Print(moved(outline, 0.0, -0.12, 0.15), colour)]
    folds = [
        Fold(smooth((s * 0.1, -0.5), (s * 0.36, -0.3), (s * 0.5, 0.1)), 0.1, 0.012) for s in (1, -1)
    ]
    return [
        Part(crown, look.main, edge=0.2, puff=0.13, folds=folds, marks=[*panels, *eyelets],
             prints=badge, wrinkles=0.7),
        Part(ellipse(0, -0.62, 0.05, 0.032), look.trim, edge=0.03, puff=0.02, wrinkles=0.0),
        Part(peak, look.trim, edge=0.09, puff=0.05, drop=0.03, marks=rows, wrinkles=0.3),
    ]  # fmt: skip


def beanie(look: Look, rng: Generator) -> Garment:
    """A knitted cap with a turned-up edge."""
    rib = replace(look.main, weave="rib")
    crown = mirrored((0, -0.7, -0.14), (0.44, -0.4, -0.12), (0.58, 0.3, 0.0), (0, 0.34))
    cuff = mirrored((0, 0.2, 0.05), (0.6, 0.12, -0.06), (0.6, 0.48, -0.06), (0, 0.57))
    folds = [
        Fold(smooth((x * 0.15, -0.62), (x * 0.5, -0.3), (x * 0.56, 0.2)), 0.07, 0.02)
        for x in np.linspace(-0.9, 0.9, 9) + rng.uniform(-0.05, 0.05, 9)
    ]
    return [
        Part(crown, rib, edge=0.16, puff=0.1, folds=folds),
        Part(cuff, replace(look.trim, weave="rib"), edge=0.07, puff=0.05, drop=0.025, wrinkles=0.6),
    ]


def bobble_hat(look: Look, rng: Generator) -> Garment:
    """A beanie with a bobble."""
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = 0.19 * (1 + 0.05 * rng.uniform(-1, 1, 120))
    fluff = np.stack([np.cos(angle) * radius, np.sin(angle) * radius - 0.82], axis=1)
    tufts = [
        Fold(smooth(np.array([0, -0.82]) + p * 0.3, np.array([0, -0.82]) + p), 0.03, 0.02)
        for p in (fluff - (0, -0.82))[rng.permutation(120)[:36]]
    ]
    bobble = Part(
        fluff,
        replace(look.trim.plain(), weave="wool"),
        edge=0.09,
        puff=0.08,
        folds=tufts,
        drop=0.03,
    )
    return [*beanie(look, rng), bobble]


def bucket_hat(look: Look, rng: Generator) -> Garment:
    """A soft hat with a short sloping brim."""
    crown = mirrored((0, -0.52, -0.04), (0.38, -0.46, -0.14), (0.5, 0.14, -0.02), (0, 0.2))
    top = mirrored((0, -0.52, -0.04), (0.37, -0.46, -0.2), (0, -0.34))
    brim = both(
        smooth(
            (0, 0.14),
            (0.3, 0.11),
            (0.5, 0.02),
            (0.68, 0.2),
            (0.8, 0.42),
            (0.62, 0.55),
            (0.3, 0.62),
            (0, 0.64),
        )
    )
    rows = [
        stitches(smooth((-0.8, 0.3 + d), (-0.4, 0.24 + d), (0, 0.23 + d), (0.4, 0.24 + d),
        (0.8, 0.3 + d)),
                 darker(look.trim.colour, 0.2))
        for d in np.linspace(0.0, 0.3, 5)
    ]  # fmt: skip
    folds = [
        Fold(smooth((x * 0.5, -0.4), (x * 0.6 + d, -0.1), (x * 0.55, 0.1)), 0.09, 0.012)
        for x, d in zip(rng.uniform(-0.8, 0.8, 4), rng.uniform(-0.05, 0.05, 4), strict=True)
    ]
    waves = [
        Fold(smooth((x * 0.6, 0.14), (x * 0.75, 0.35), (x * 0.9, 0.62)), 0.14, 0.03)
        for x in rng.uniform(-0.8, 0.8, 3)
    ]
    return [
        Part(crown, look.main, edge=0.1, puff=0.06, folds=folds),
        Part(top, look.main, edge=0.03, puff=0.01, drop=0.006),
        Part(brim, look.trim, edge=0.05, puff=0.035, drop=0.03, folds=waves, marks=rows),
    ]


def straw_hat(look: Look, rng: Generator) -> Garment:
    """A wide-brimmed straw hat with a ribbon, seen from slightly above."""
    straw = replace(look.main, weave="straw")
    t = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    wobble = 1 + 0.012 * np.sin(t * 3 + rng.uniform(0, 6)) + 0.01 * np.sin(t * 5)
    brim = np.stack([0.86 * np.cos(t) * wobble, 0.6 * np.sin(t) * wobble + 0.08], axis=1)
    crown = mirrored((0, -0.5, -0.12), (0.34, -0.34, -0.12), (0.42, 0.1, -0.1), (0, 0.26))
    dent = ellipse(0.0, -0.34, 0.2, 0.07)
    rings = [_ring(0.86 * s, 0.6 * s, 0.08) for s in (0.93, 0.8, 0.68)]
    return [
        Part(brim, straw, edge=0.06, puff=0.03, drop=0.05, wrinkles=0.8,
             marks=[Mark(ring, width=0.012, relief=0.008) for ring in rings]),
        Part(crown, straw, edge=0.14, puff=0.1, drop=0.05, wrinkles=0.5),
        Part(dent, straw, edge=0.06, puff=-0.03, drop=0.0, tone=0.95),
        _hat_band(look, 0.428, 0.05, 0.15),
    ]  # fmt: skip


def _ring(rx: float, ry: float, y: float) -> Points:
    outline = ellipse(0, y, rx, ry)
    return np.concatenate([outline, outline[:1]])


def _hat_band(look: Look, half: float, y: float, sag: float) -> Part:
    line = smooth(
        (-half, y),
        (-half * 0.62, y + sag * 0.7),
        (0.0, y + sag),
        (half * 0.62, y + sag * 0.7),
        (half, y),
    )
    return Part(ribbon(line, 0.13), look.trim, edge=0.025, puff=0.014, drop=0.014, wrinkles=0.4)


def fedora(look: Look, rng: Generator) -> Garment:
    """A felt hat with a pinched crown and a band."""
    felt = replace(look.main, weave="wool")
    brim = both(
        smooth(
            (0, 0.02), (0.5, 0.06), (0.8, -0.02), (0.92, 0.06), (0.8, 0.28), (0.45, 0.45), (0, 0.5)
        )
    )
    crown = both(
        smooth(
            (0, -0.52),
            (0.16, -0.6),
            (0.32, -0.56),
            (0.41, -0.3),
            (0.5, 0.14),
            (0.3, 0.27),
            (0, 0.32),
        )
    )
    pinches = [
        Fold(smooth((s * 0.08, -0.5), (s * 0.2, -0.34), (s * 0.28, -0.1)), 0.1, -0.04)
        for s in (1, -1)
    ] + [Fold(smooth((-0.2, -0.56), (0.0, -0.46), (0.2, -0.56)), 0.08, -0.04)]
    rim = np.concatenate([brim, brim[:1]])
    return [
        Part(brim, felt, edge=0.06, puff=0.04, drop=0.05, wrinkles=0.5,
             marks=[seam(moved(rim, 0, 0.012, 0.95), 0.008)]),
        Part(crown, felt, edge=0.16, puff=0.11, drop=0.05, folds=pinches, wrinkles=0.5),
        _hat_band(look, 0.492, 0.08, 0.17),
    ]  # fmt: skip


def beret(look: Look, rng: Generator) -> Garment:
    """A round flat felt hat, worn to one side."""
    felt = replace(look.main.plain(), weave="wool")
    disc = loop(
        (-0.78, 0.16), (-0.6, -0.18), (-0.1, -0.36), (0.45, -0.36), (0.74, -0.12), (0.66, 0.18),
        (0.3, 0.32), (-0.1, 0.38), (-0.5, 0.4),
    )  # fmt: skip
    band = loop((-0.5, 0.28), (-0.1, 0.24), (0.36, 0.22), (0.4, 0.36), (0.0, 0.5), (-0.48, 0.46))
    stalk = ribbon(smooth((0.0, -0.34), (0.02, -0.44), (0.06, -0.5)), 0.035, 0.025)
    folds = [
        Fold(smooth((0.0, -0.3), (x * 0.6, -0.02), (x, 0.3)), 0.12, rng.uniform(0.012, 0.025))
        for x in np.linspace(-0.6, 0.6, 6) + rng.uniform(-0.06, 0.06, 6)
    ]
    return [
        Part(band, look.trim.plain(0.1), edge=0.04, puff=0.03, wrinkles=0.3),
        Part(stalk, felt.plain(0.05), edge=0.015, puff=0.015, wrinkles=0.0),
        Part(disc, felt, edge=0.18, puff=0.12, drop=0.05, folds=folds),
    ]


HATS = {
    "baseball cap": baseball_cap,
    "badge cap": badge_cap,
    "beanie": beanie,
    "bobble hat": bobble_hat,
    "bucket hat": bucket_hat,
    "straw hat": straw_hat,
    "fedora": fedora,
    "beret": beret,
}
