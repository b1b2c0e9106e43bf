"""What the garments lie on: studio paper, floors, bed linen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import Colour, darker, mix, rgb
from scripts.drawing.fields import Field, blurred, fractal_noise, noise, step
from scripts.drawing.painter import LIGHT, Canvas

Drawing = Callable[[tuple[int, int], float, Generator], Canvas]
"""From shape, pixels per unit of drawing space, and random numbers to an (h, w, 3) picture."""


def make_background(
    name: str, shape: tuple[int, int], px_per_unit: float, rng: Generator
) -> Canvas:
    """Return an (h, w, 3) background by name, a key of `BACKGROUNDS`."""
    return np.clip(BACKGROUNDS[name].draw(shape, px_per_unit, rng), 0.0, 1.0).astype(np.float32)


def _paper(colour: Colour) -> Drawing:
    """Return seamless paper, a little brighter where the lamp stands."""

    def make(shape: tuple[int, int], unit: float, rng: Generator) -> Canvas:
        y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
        x0, y0 = shape[1] * rng.uniform(0.25, 0.5), shape[0] * rng.uniform(0.2, 0.45)
        distance = np.hypot(x - x0, y - y0) / np.float32(2.4 * unit)
        glow = 1.03 - 0.11 * step(0.0, 1.0, distance)
        return colour * glow[:, :, None]

    return make


def _wood(colour: Colour) -> Drawing:
    """Return floor boards with grain."""

    def make(shape: tuple[int, int], unit: float, rng: Generator) -> Canvas:
        width = unit * rng.uniform(0.32, 0.46)
        u, v = _turned(shape, rng.choice([0.0, np.pi / 2]) + rng.uniform(-0.06, 0.06))
        board = np.floor(u / width + rng.uniform()).astype(int) % 16
        across = (u / width + rng.uniform()) % 1.0
        rows, columns = int(shape[0] * 1.6), int(shape[1] * 1.6)
        grain = noise(rng, (rows, columns), (0.9 * unit, 0.035 * unit))
        fine = noise(rng, (rows, columns), (0.35 * unit, 0.008 * unit))
        at = (
            np.clip(v + rng.uniform(0, 0.3) * unit + board * 17, 0, None).astype(int) % rows,
            np.clip(u - u.min(), 0, columns - 1).astype(int),
        )
        tone = rng.uniform(-0.09, 0.09, 16)[board] + 0.05 * grain[at] + 0.03 * fine[at]
        edge = np.minimum(across, 1 - across) * width / unit
        tone -= 0.35 * (1 - step(0.0, 0.012, edge.astype(np.float32)))
        return np.asarray(colour * (1.0 + tone)[:, :, None], dtype=np.float32)

    return make


def _sheet(colour: Colour) -> Drawing:
    return _cloth(colour, 0.05, 0.02)


def _blanket(colour: Colour) -> Drawing:
    return _cloth(colour, 0.035, 0.06)


def _cloth(colour: Colour, folds: float, thread: float) -> Drawing:
    """Return cloth with soft folds and visible threads."""

    def make(shape: tuple[int, int], unit: float, rng: Generator) -> Canvas:
        height = fractal_noise(rng, shape, (0.9 * unit, 0.6 * unit), 3)
        ridge: Field = np.abs(fractal_noise(rng, shape, (0.8 * unit, 0.9 * unit), 2))
        relief = blurred(height - np.float32(0.8) * ridge, 0.02 * unit) * np.float32(folds * unit)
        tone = _slope_light(relief) + thread * noise(rng, shape, (0.02 * unit, 0.02 * unit))
        return colour * tone[:, :, None]

    return make


def _tiles(colour: Colour) -> Drawing:
    """Return floor tiles with joints."""

    def make(shape: tuple[int, int], unit: float, rng: Generator) -> Canvas:
        side = unit * rng.uniform(0.7, 0.95)
        u, v = _turned(shape, rng.choice([0.0, np.pi / 4]) + rng.uniform(-0.05, 0.05))
        u, v = u / side + rng.uniform(), v / side + rng.uniform()
        gap = np.minimum.reduce([u % 1, 1 - u % 1, v % 1, 1 - v % 1]) * side / unit
        number = (np.floor(u) * 7 + np.floor(v) * 13).astype(int) % 16
        tone = 1.0 + rng.uniform(-0.025, 0.025, 16)[number]
        tone = tone + 0.035 * fractal_noise(rng, shape, (0.5 * unit, 0.5 * unit))
        joint = 1 - step(0.008, 0.016, gap.astype(np.float32))
        tone = tone * (1.0 - 0.24 * joint)
        return np.asarray(colour * tone[:, :, None], dtype=np.float32)

    return make


def _concrete(colour: Colour) -> Drawing:
    def make(shape: tuple[int, int], unit: float, rng: Generator) -> Canvas:
        clouds = fractal_noise(rng, shape, (0.9 * unit, 0.9 * unit), 5)
        grit = noise(rng, shape, (0.012 * unit, 0.012 * unit))
        return colour * (1.0 + 0.09 * clouds + 0.02 * grit)[:, :, None]

    return make


def _rug(colour: Colour) -> Drawing:
    """Return a deep-pile rug."""

    def make(shape: tuple[int, int], unit: float, rng: Generator) -> Canvas:
        tufts = fractal_noise(rng, shape, (0.035 * unit, 0.03 * unit), 2)
        tone = _slope_light(tufts * np.float32(0.0035 * unit))
        clouds = noise(rng, shape, (0.5 * unit, 0.5 * unit))
        return mix(colour, darker(colour, 0.5), 0.2) * (tone + 0.04 * clouds)[:, :, None]

    return make


def _turned(shape: tuple[int, int], angle: float) -> tuple[Field, Field]:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cos * x + sin * y, cos * y - sin * x


def _slope_light(height_px: Field) -> Field:
    down, right = np.gradient(height_px)
    facing = LIGHT[2] - LIGHT[0] * right - LIGHT[1] * down
    bright: Field = facing / (LIGHT[2] * np.sqrt(1.0 + right**2 + down**2))
    return np.clip(bright, 0.4, 1.25).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """A surface: its mean colour, and what draws it."""

    colour: Colour
    draw: Drawing


def _surface(make: Callable[[Colour], Drawing], code: str) -> Background:
    return Background(rgb(code), make(rgb(code)))


BACKGROUNDS = {
    "studio": _surface(_paper, "f3f2f0"),
    "grey paper": _surface(_paper, "c9cacc"),
    "warm paper": _surface(_paper, "eadfce"),
    "blush paper": _surface(_paper, "efd9d3"),
    "blue paper": _surface(_paper, "d3dfe8"),
    "oak floor": _surface(_wood, "c39a6b"),
    "dark floor": _surface(_wood, "7b5a41"),
    "white boards": _surface(_wood, "dedad2"),
    "bed sheet": _surface(_sheet, "ece9e4"),
    "red cloth": _surface(_sheet, "ad2f35"),
    "grey blanket": _surface(_blanket, "989ba1"),
    "tiles": _surface(_tiles, "dcd5c8"),
    "concrete": _surface(_concrete, "b9b7b2"),
    "rug": _surface(_rug, "d5cdc0"),
}
