"""The fine structure of cloth: relief, unevenness of the dye, and shine, by weave."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from scripts.drawing.fields import Field, fractal_noise, noise
from scripts.drawing.parts import Weave

Relief = Callable[[Field, Field], Field]


@dataclass(frozen=True, slots=True)
class Surface:
    """How a weave takes the light.

    Attributes:
        relief: height at places (u, v) of the cloth, in drawing-space lengths; None for smooth.
        mottle: how uneven the dye is.
        shine: strength of the highlight.
        gloss: how narrow the highlight is.
        stiffness: how much it flattens folds.
    """

    relief: Relief | None = None
    mottle: float = 0.02
    shine: float = 0.0
    gloss: float = 12.0
    stiffness: float = 1.0


def _wave(places: NDArray[np.float32], period: float) -> Field:
    heights: Field = np.sin(places * np.float32(2 * np.pi / period))
    return heights


def _knit(u: Field, v: Field) -> Field:
    """Columns of V-shaped stitches."""
    slant = np.abs((u / np.float32(0.034)) % 1 - 0.5) * np.float32(0.034)
    rows = _wave(v + slant, 0.026)
    return np.float32(0.0016) * (rows + _wave(u + np.float32(0.0085), 0.034))


def _rib(u: Field, _v: Field) -> Field:
    return np.float32(0.0026) * _wave(u, 0.03)


def _corduroy(u: Field, _v: Field) -> Field:
    return np.float32(0.002) * _wave(u, 0.022)


def _twill(u: Field, v: Field) -> Field:
    return np.float32(0.0007) * _wave(u + v * np.float32(0.7), 0.014)


def _basket(u: Field, v: Field) -> Field:
    cell = np.float32(0.034)
    is_over = (np.floor(u / cell) + np.floor(v / cell)) % 2 == 0
    return np.float32(0.0024) * np.where(is_over, _wave(u, 0.034), _wave(v, 0.034))


def _quilt(u: Field, v: Field) -> Field:
    """Bands of down between seams across the grain, gathered a little at each seam."""
    band: Field = np.abs(_wave(v, 0.36))
    gather = _wave(u + np.float32(0.02) * _wave(v, 0.72), 0.09) * np.square(1.0 - band)
    height: Field = np.float32(0.03) * np.sqrt(band) + np.float32(0.003) * gather
    return height


def _diamond_quilt(u: Field, v: Field) -> Field:
    one, other = np.abs(_wave(u + v, 0.36)), np.abs(_wave(u - v, 0.36))
    return np.float32(0.016) * np.sqrt(np.minimum(one, other))


SURFACES: dict[Weave, Surface] = {
    "cotton": Surface(),
    "jersey": Surface(mottle=0.015, stiffness=0.8),
    "knit": Surface(_knit, mottle=0.03, stiffness=0.6),
    "rib": Surface(_rib, mottle=0.02, stiffness=0.6),
    "denim": Surface(_twill, mottle=0.09, stiffness=1.1),
    "leather": Surface(mottle=0.03, shine=0.34, gloss=16.0, stiffness=0.9),
    "satin": Surface(mottle=0.01, shine=0.22, gloss=7.0, stiffness=1.3),
    "wool": Surface(mottle=0.07, stiffness=0.55),
    "straw": Surface(_basket, mottle=0.06, stiffness=0.5),
    "corduroy": Surface(_corduroy, mottle=0.03, stiffness=0.8),
    "suede": Surface(mottle=0.06, stiffness=0.7),
    "quilt": Surface(_quilt, mottle=0.01, shine=0.14, gloss=6.0, stiffness=0.35),
    "diamond quilt": Surface(_diamond_quilt, mottle=0.02, shine=0.05, gloss=6.0, stiffness=0.35),
    "plastic": Surface(mottle=0.0, shine=0.35, gloss=30.0),
    "metal": Surface(mottle=0.0, shine=0.8, gloss=18.0),
}


def dye(weave: Weave, shape: tuple[int, int], px_per_unit: float, rng: Generator) -> Field:
    """Return what the colour is multiplied with, about 1."""
    strength = np.float32(SURFACES[weave].mottle)
    clouds = fractal_noise(rng, shape, (0.16 * px_per_unit, 0.16 * px_per_unit), 2)
    if weave == "denim":
        threads = noise(rng, shape, (0.09 * px_per_unit, 0.006 * px_per_unit))
    else:
        threads = noise(rng, shape, (0.008 * px_per_unit, 0.008 * px_per_unit))
    return 1.0 + strength * (0.8 * clouds + 0.6 * threads)
