"""Small figures that patterns scatter over cloth, or that stand alone on a cap or a T-shirt."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scripts.drawing.colours import Colour, darker, lighter, mix, rgb
from scripts.drawing.geometry import Points, ellipse, moved, ribbon, smooth, turned

Shape = tuple[Points, Colour]
"""A closed outline around the origin, of about unit radius, and what fills it."""

Motif = Callable[[Colour, Colour, Generator], Sequence[Shape]]
"""From figure and accent colour to shapes, the lowest first."""

_SUPERSAMPLING = 3
_LEAF_GREEN = rgb("4f7d4c")


def staggered(columns: int, jitter: float, rng: Generator) -> NDArray[np.float64]:
    """Return (n, 2) places, each in [0, 1), in rows offset by half a step; `columns` is even.

    Args:
        columns: rows and places in a row.
        jitter: how far a place may stray, as a share of the step.
        rng: strays.
    """
    row, column = np.divmod(np.arange(columns * columns // 2), columns // 2)
    places = np.stack([column * 2 + row % 2, row], axis=1) / columns
    strays = rng.uniform(-jitter, jitter, places.shape) / columns
    return np.asarray(places + 0.25 / columns + strays, dtype=np.float64)


def scatter(
    draw: Motif,
    places: NDArray[np.float64],
    size: float,
    colours: tuple[Colour, Colour],
    onto: NDArray[np.float32],
    rng: Generator,
) -> NDArray[np.float32]:
    """Return a seamless tile of the same size with a motif at every place.

    Args:
        draw: the motif.
        places: (n, 2), in shares of the tile.
        size: the motif's radius, as a share of the tile.
        colours: figure and accent.
        onto: (side, side, 3), the tile to draw on, not modified.
        rng: turns each motif that is not upright by nature.
    """
    side_px = onto.shape[0]
    big_px = side_px * _SUPERSAMPLING
    canvas = Image.fromarray(_bytes(onto)).resize((big_px, big_px))
    pen = ImageDraw.Draw(canvas)
    for place in places:
        for outline, colour in draw(*colours, rng):
            for wrap in np.ndindex(3, 3):
                at = (place + np.array(wrap) - 1.0) * big_px
                points = moved(outline, at[0], at[1], size * big_px)
                pen.polygon([tuple(point) for point in points.tolist()], fill=_hex(colour))
    small = canvas.resize((side_px, side_px), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / 255.0


def _bytes(colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.rint(np.clip(colours, 0.0, 1.0) * 255.0).astype(np.uint8)
    return levels


def _hex(colour: Colour) -> str:
    return "#" + bytes(_bytes(colour).tolist()).hex()


def dot(figure: Colour, _accent: Colour, _rng: Generator) -> Sequence[Shape]:
    """A disc."""
    return [(ellipse(0, 0, 1, 1), figure)]


def flower(figure: Colour, accent: Colour, rng: Generator) -> Sequence[Shape]:
    """A flower of five or six petals, seen from above."""
    petals, turn = int(rng.integers(5, 7)), rng.uniform(0, 2 * np.pi)
    shapes: list[Shape] = []
    for i in range(petals):
        angle = turn + 2 * np.pi * i / petals
        shade = mix(figure, darker(figure, 0.25), float(rng.uniform(0, 0.8)))
        shapes.append((turned(ellipse(0.58, 0, 0.46, 0.36), angle), shade))
    heart = lighter(accent, 0.15)
    return [
        *shapes,
        (ellipse(0, 0, 0.27, 0.27), heart),
        (ellipse(0, 0, 0.12, 0.12), darker(heart, 0.4)),
    ]


def leaves(figure: Colour, _accent: Colour, rng: Generator) -> Sequence[Shape]:
    """Three leaves on a stalk."""
    green = mix(_LEAF_GREEN, figure, 0.12)
    turn = rng.uniform(0, 2 * np.pi)
    leaf = ribbon(smooth((0.1, 0), (0.5, 0.08), (1.0, 0)), 0.0)
    middle = len(leaf) // 2
    swell = np.sin(np.linspace(0, np.pi, middle)) * 0.22
    leaf[:middle, 1] += swell
    leaf[middle:, 1] -= swell[::-1]
    return [
        (turned(leaf * scale, turn + angle), darker(green, shade))
        for angle, scale, shade in ((-0.8, 0.8, 0.1), (0.8, 0.8, 0.25), (0.0, 1.1, 0.0))
    ]


def palm_leaf(figure: Colour, accent: Colour, rng: Generator) -> Sequence[Shape]:
    """A feathered leaf."""
    turn = rng.uniform(0, 2 * np.pi)
    shapes: list[Shape] = []
    for i, x in enumerate(np.linspace(-0.75, 0.85, 8)):
        length = 0.75 * float(np.cos((x - 0.05) * 1.35))
        for side in (-1, 1):
            line = smooth((x, 0), (x + 0.18, side * length * 0.6), (x + 0.42, side * length))
            shade = mix(figure, accent, 0.5 if (i + side) % 3 == 0 else 0.0)
            shapes.append((turned(ribbon(line, 0.19, 0.02), turn), shade))
    stalk = ribbon(smooth((-1.05, 0.04), (0, 0), (1.0, 0)), 0.07, 0.03)
    return [*shapes, (turned(stalk, turn), darker(figure, 0.3))]


def rosette(figure: Colour, accent: Colour, rng: Generator) -> Sequence[Shape]:
    """A leopard's spot: a broken ring around a tinted middle."""
    turn, stretch = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 1.0)
    shapes: list[Shape] = [(turned(ellipse(0, 0, 0.75, 0.75 * stretch), turn), accent)]
    for start in (0.2, 2.5, 4.5):
        angle = np.linspace(start, start + rng.uniform(1.1, 1.7), 9)
        ring = np.stack([np.cos(angle), stretch * np.sin(angle)], axis=1) * 0.85
        shapes.append((turned(ribbon(ring, 0.42, 0.3), turn), figure))
    return shapes


def star(figure: Colour, _accent: Colour, _rng: Generator) -> Sequence[Shape]:
    """A five-pointed star."""
    angle = np.arange(10) * np.pi / 5 - np.pi / 2
    radius = np.where(np.arange(10) % 2 == 0, 1.0, 0.42)
    return [(np.stack([np.cos(angle) * radius, np.sin(angle) * radius], axis=1), figure)]


def heart(figure: Colour, _accent: Colour, _rng: Generator) -> Sequence[Shape]:
    """A heart (the curve x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t)."""
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [(np.stack([np.sin(t) ** 3, -y / 16], axis=1), figure)]
