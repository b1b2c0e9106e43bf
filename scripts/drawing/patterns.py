"""Patterns of cloth as seamless square tiles: stripes, checks, and scattered motifs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from scripts.drawing import motifs
from scripts.drawing.colours import Colour, darker, lighter, mix
from scripts.drawing.geometry import moved

Tile = NDArray[np.float32]
"""(t, t, 3) sRGB from 0 to 1 that continues seamlessly into itself on all sides."""

TILE_PX = 192


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A tile and how large it is printed.

    Attributes:
        tile: what repeats.
        period: the tile's side in drawing space.
    """

    tile: Tile
    period: float

    def at(self, u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (..., 3) colours at places of the cloth, in drawing-space lengths."""
        scale = np.float32(TILE_PX / self.period)
        column = (u * scale).astype(np.int32) % TILE_PX
        row = (v * scale).astype(np.int32) % TILE_PX
        colours: NDArray[np.float32] = self.tile[row, column]
        return colours


def make_pattern(
    name: str, ground: Colour, figure: Colour, accent: Colour, rng: Generator
) -> Pattern | None:
    """Return a pattern by name, None for plain cloth.

    Args:
        name: a key of `PATTERNS`, or `plain`.
        ground: the colour of the cloth, by which the item is called.
        figure: the colour of what is on it.
        accent: a third colour, for the patterns that have one.
        rng: places the motifs.

    Raises:
        KeyError: there is no such pattern.
    """
    if name == "plain":
        return None
    period, draw = PATTERNS[name]
    return Pattern(draw(ground, figure, accent, rng), period)


def _plain(ground: Colour) -> Tile:
    return np.tile(ground, (TILE_PX, TILE_PX, 1)).astype(np.float32)


def _bands(ground: Colour, *bands: tuple[float, float, Colour]) -> Tile:
    """Return vertical bands, each from one share of the tile's width to another."""
    row = np.tile(ground, (TILE_PX, 1)).astype(np.float32)
    for start, end, colour in bands:
        row[round(start * TILE_PX) : round(end * TILE_PX)] = colour
    return np.tile(row, (TILE_PX, 1, 1))


def _across(tile: Tile) -> Tile:
    return np.ascontiguousarray(tile.swapaxes(0, 1))


def _woven(warp: Tile) -> Tile:
    """Return warp and weft bands woven into each other, as in a tartan."""
    weft = _across(warp)
    place = np.arange(TILE_PX)
    # A 2/2 twill: the upper thread wanders by one with every row.
    is_warp_above = ((place[None, :] + place[:, None]) // 3 % 2 == 0)[:, :, None]
    sharp = np.where(is_warp_above, warp, weft)
    return (0.45 * sharp + 0.275 * (warp + weft)).astype(np.float32)


def _breton(ground: Colour, figure: Colour, _accent: Colour, _rng: Generator) -> Tile:
    return _across(_bands(ground, (0.0, 0.34, figure)))


def _retro(ground: Colour, figure: Colour, accent: Colour, _rng: Generator) -> Tile:
    return _across(_bands(ground, (0.1, 0.3, figure), (0.34, 0.5, accent), (0.54, 0.62, figure)))


def _pinstripe(ground: Colour, figure: Colour, _accent: Colour, _rng: Generator) -> Tile:
    return _bands(ground, (0.0, 0.07, mix(ground, figure, 0.75)))


def _awning(ground: Colour, figure: Colour, _accent: Colour, _rng: Generator) -> Tile:
    return _bands(ground, (0.0, 0.42, figure))


def _gingham(ground: Colour, figure: Colour, _accent: Colour, _rng: Generator) -> Tile:
    warp = _bands(figure, (0.0, 0.5, ground))
    return ((warp + _across(warp)) / 2).astype(np.float32)


def _tartan(ground: Colour, figure: Colour, accent: Colour, _rng: Generator) -> Tile:
    dark = darker(ground, 0.55)
    return _woven(
        _bands(ground, (0.08, 0.34, dark), (0.19, 0.23, figure), (0.62, 0.66, accent),
               (0.7, 0.78, dark), (0.82, 0.86, accent))
    )  # fmt: skip


def _windowpane(ground: Colour, figure: Colour, _accent: Colour, _rng: Generator) -> Tile:
    bands = _bands(ground, (0.0, 0.035, figure), (0.07, 0.085, figure))
    line = np.maximum(*(np.abs(tile - ground) for tile in (bands, _across(bands))))
    is_line = line.max(axis=2, keepdims=True) > 0.02
    return np.where(is_line, figure, ground).astype(np.float32)


def _argyle(ground: Colour, figure: Colour, accent: Colour, _rng: Generator) -> Tile:
    y, x = np.mgrid[0:TILE_PX, 0:TILE_PX] / TILE_PX
    across, down = (x + y) % 1, (x - y) % 1
    diamond = (np.abs(x - 0.5) + np.abs(y - 0.5) < 0.5)[:, :, None]
    tile = np.where(diamond, mix(ground, figure, 0.85), ground)
    line = (np.abs(across - 0.5) < 0.018) | (np.abs(down - 0.5) < 0.018)
    line |= (np.abs((x + y + 0.5) % 1 - 0.5) < 0.018) | (np.abs((x - y + 0.5) % 1 - 0.5) < 0.018)
    return np.where(line[:, :, None], accent, tile).astype(np.float32)


def _camouflage(ground: Colour, figure: Colour, accent: Colour, rng: Generator) -> Tile:
    tile = _plain(ground)
    for colour, level in ((figure, 0.1), (accent, 0.3), (darker(ground, 0.6), 0.42)):
        tile[_wrapped_noise(rng, 7) > level] = colour
    return tile


def _fair_isle(ground: Colour, figure: Colour, accent: Colour, _rng: Generator) -> Tile:
    """Rows of small knitted figures, on a grid of 24 stitches."""
    stitches = np.zeros((24, 24), dtype=np.int64)
    i = np.arange(24)
    stitches[1, i % 2 == 0] = 1
    for row, reach in enumerate((0, 1, 2, 3, 2, 1, 0), start=4):
        stitches[row, np.abs(i % 8 - 4) <= reach] = 1
        stitches[row, i % 8 == 0] = 2
    stitches[13, i % 2 == 1] = 1
    stitches[16:19] = np.where((i[None, :] + np.arange(3)[:, None]) % 4 < 2, 2, 0)
    stitches[21, i % 4 != 0] = 1
    big = np.kron(stitches, np.ones((TILE_PX // 24, TILE_PX // 24), dtype=np.int64))
    tile: Tile = np.stack([ground, figure, accent])[big].astype(np.float32)
    return tile


def _wrapped_noise(rng: Generator, cells: int) -> NDArray[np.float32]:
    """Return smooth noise, about -1 to 1, that wraps round at the tile's sides."""
    grid = rng.uniform(-1.0, 1.0, (cells, cells)).astype(np.float32)
    image = Image.fromarray(np.tile(grid, (3, 3)))
    big = np.asarray(image.resize((3 * TILE_PX, 3 * TILE_PX), Image.Resampling.BICUBIC))
    return np.asarray(big[TILE_PX : 2 * TILE_PX, TILE_PX : 2 * TILE_PX], dtype=np.float32)


def _scattered(
    draw: motifs.Motif, *, columns: int, size: float, jitter: float = 0.0
) -> Callable[[Colour, Colour, Colour, Generator], Tile]:
    """Return a pattern of one motif in staggered rows."""

    def make(ground: Colour, figure: Colour, accent: Colour, rng: Generator) -> Tile:
        spots = motifs.staggered(columns, jitter, rng)
        return motifs.scatter(draw, spots, size, (figure, accent), _plain(ground), rng)

    return make


def _meadow(ground: Colour, figure: Colour, accent: Colour, rng: Generator) -> Tile:
    """Large flowers with leaves between them, and small ones in the gaps."""
    colours = (figure, accent)
    spots = motifs.staggered(4, 0.28, rng)
    sprigs = motifs.scatter(motifs.leaves, spots + 0.5 / 4, 0.12, colours, _plain(ground), rng)
    flowers = motifs.scatter(motifs.flower, spots, 0.125, colours, sprigs, rng)
    small = (accent, lighter(accent, 0.7))
    gaps = moved(motifs.staggered(4, 0.3, rng), 0.16, 0.05)
    return motifs.scatter(motifs.flower, gaps, 0.05, small, flowers, rng)


PATTERNS: dict[str, tuple[float, Callable[[Colour, Colour, Colour, Generator], Tile]]] = {
    "breton": (0.13, _breton),
    "retro": (0.62, _retro),
    "pinstripe": (0.075, _pinstripe),
    "awning": (0.15, _awning),
    "gingham": (0.13, _gingham),
    "tartan": (0.36, _tartan),
    "windowpane": (0.22, _windowpane),
    "argyle": (0.34, _argyle),
    "camouflage": (0.9, _camouflage),
    "fair isle": (0.5, _fair_isle),
    "dots": (0.42, _scattered(motifs.dot, columns=4, size=0.066)),
    "pin dots": (0.3, _scattered(motifs.dot, columns=6, size=0.026)),
    "floral": (0.85, _meadow),
    "ditsy": (0.5, _scattered(motifs.flower, columns=6, size=0.05, jitter=0.25)),
    "palm": (0.9, _scattered(motifs.palm_leaf, columns=4, size=0.2, jitter=0.25)),
    "leopard": (0.5, _scattered(motifs.rosette, columns=8, size=0.055, jitter=0.3)),
}
