"""Turns parts into lit pixels.

Each part becomes a height field: a rounded edge, its folds, random wrinkles, the relief of its
weave. The field's slope gives the light (Lambert, lamp at the upper left), its hollows the
ambient shade, and its pattern shifts a little along the slope, as a print on cloth does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from scripts.drawing.fields import (
    Field,
    blurred,
    fractal_noise,
    line_mask,
    polygon_mask,
    shifted,
    step,
)
from scripts.drawing.geometry import Points, moved
from scripts.drawing.parts import Fold, Mark, Part
from scripts.drawing.weaves import SURFACES, dye

Canvas = NDArray[np.float32]
"""(h, w, 3) sRGB from 0 to 1."""

LIGHT = np.array([-0.42, -0.6, 1.0]) / np.linalg.norm([-0.42, -0.6, 1.0])
_SHADOW_DIRECTION = np.array([0.55, 0.84])


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where drawing space lies on the canvas.

    Attributes:
        matrix: (2, 2), from lengths in drawing space to pixels; a turn and a scale.
        centre_px: (2,), where (0, 0) lies.
        sway: (k, 5) waves that displace points: amplitude x, amplitude y, wave x, wave y, phase;
            they take the ruler's symmetry out of an outline.
    """

    matrix: NDArray[np.float64]
    centre_px: NDArray[np.float64]
    sway: NDArray[np.float64]

    @property
    def px_per_unit(self) -> float:
        """Pixels per unit of length in drawing space."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    def to_px(self, points: Points) -> Points:
        """Return where points lie on the canvas."""
        phase = points @ self.sway[:, 2:4].T + self.sway[:, 4]
        displaced = points + np.sin(phase) @ self.sway[:, :2]
        placed: Points = displaced @ self.matrix.T + self.centre_px
        return placed

    def from_px(self, x: Field, y: Field) -> tuple[Field, Field]:
        """Return the drawing-space coordinates of pixels, sway left out."""
        inverse = np.linalg.inv(self.matrix).astype(np.float32)
        x, y = x - np.float32(self.centre_px[0]), y - np.float32(self.centre_px[1])
        return inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y


def paint(canvas: Canvas, part: Part, pose: Pose, rng: Generator) -> None:
    """Paint a part and its shadow over the canvas; mutates `canvas`."""
    window = _Window.around(canvas, pose.to_px(part.outline), pose)
    if window is None:
        return
    mask = window.mask(part)
    pixels = canvas[window.rows, window.columns]
    if part.drop > 0:
        pixels *= 1.0 - (0.42 * window.shadow(mask, part))[:, :, None]
    height = window.height(mask, part, rng)
    colours = window.colours(part, height, rng)
    lit = light(colours, height * window.pose.px_per_unit, part)
    pixels += (lit - pixels) * mask[:, :, None]


def light(colours: Canvas, height_px: Field, part: Part) -> Canvas:
    """Return the colours under the lamp.

    Args:
        colours: (h, w, 3), as printed.
        height_px: (h, w), in pixels.
        part: gives shine and tone.
    """
    down, right = np.gradient(height_px)
    length = np.sqrt(1.0 + right * right + down * down)
    lambert = (LIGHT[2] - LIGHT[0] * right - LIGHT[1] * down) / (length * LIGHT[2])
    shade = np.clip(lambert, 0.25, 1.6).astype(np.float32) * np.float32(part.tone)
    dark, bright = np.minimum(shade, 1.0)[:, :, None], np.maximum(shade - 1.0, 0.0)[:, :, None]
    lit = colours * dark + (0.42 * (1.0 - colours) * colours + 0.13) * bright
    surface = SURFACES[part.fabric.weave]
    if surface.shine:
        half = LIGHT + np.array([0.0, 0.0, 1.0])
        half /= np.linalg.norm(half)
        facing = (half[2] - half[0] * right - half[1] * down) / length
        lit += (
            np.float32(surface.shine) * (np.clip(facing, 0, 1) ** (surface.gloss * 4))[:, :, None]
        )
        lit -= np.float32(surface.shine * 0.3)
    clipped: Canvas = np.clip(lit, 0.0, 1.0).astype(np.float32)
    return clipped


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """The part of the canvas that a part and its shadow touch."""

    rows: slice
    columns: slice
    pose: Pose

    @classmethod
    def around(cls, canvas: Canvas, points_px: Points, pose: Pose) -> "_Window | None":
        margin = 0.1 * pose.px_per_unit
        low = np.floor(points_px.min(axis=0) - margin).astype(int)
        high = np.ceil(points_px.max(axis=0) + margin).astype(int)
        x0, y0 = np.maximum(low, 0).tolist()
        x1, y1 = np.minimum(high, canvas.shape[1::-1]).tolist()
        if x1 - x0 < 2 or y1 - y0 < 2:
            return None
        return cls(slice(y0, y1), slice(x0, x1), pose)

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def px(self, points: Points) -> Points:
        return moved(self.pose.to_px(points), -self.columns.start, -self.rows.start)

    def mask(self, part: Part) -> Field:
        mask = polygon_mask(self.px(part.outline), self.shape)
        if part.corner > 0:
            mask = step(0.38, 0.62, blurred(mask, part.corner * self.pose.px_per_unit))
        return mask

    def shadow(self, mask: Field, part: Part) -> Field:
        length_px = part.drop * self.pose.px_per_unit
        right, down = np.rint(_SHADOW_DIRECTION * length_px * 0.7).astype(int).tolist()
        return shifted(blurred(mask, length_px * 0.8), down, right)

    def height(self, mask: Field, part: Part, rng: Generator) -> Field:
        """Return the part's surface in drawing-space lengths."""
        unit = self.pose.px_per_unit
        height = np.zeros(self.shape, dtype=np.float32)
        if part.puff:
            inside = np.clip(blurred(mask, part.edge * unit) * 2.0 - 1.0, 0.0, 1.0)
            rounded = blurred(np.sqrt(inside * (2.0 - inside)), part.edge * 0.25 * unit)
            height += np.float32(part.puff) * rounded
        surface = SURFACES[part.fabric.weave]
        strength = np.float32(part.wrinkles * surface.stiffness)
        if part.wrinkles > 0:
            height += strength * _wrinkles(rng, self.shape, unit)
        for fold in part.folds:
            height += self._fold(fold) * np.float32(surface.stiffness)
        for mark in part.marks:
            if mark.relief:
                height -= np.float32(mark.relief) * self._line(mark, soft=1.2)
        return height

    def colours(self, part: Part, height: Field, rng: Generator) -> Canvas:
        """Return the part's colours before light; its relief of weave is added to `height`."""
        u, v = self._cloth(part)
        fabric, surface = part.fabric, SURFACES[part.fabric.weave]
        if surface.relief is not None:
            height += surface.relief(u, v)
        if fabric.pattern is not None:
            slope = np.gradient(blurred(height, 0.03 * self.pose.px_per_unit))
            shift = np.float32(0.03 * self.pose.px_per_unit)
            colours = fabric.pattern.at(u - slope[1] * shift, v - slope[0] * shift)
        else:
            colours = np.broadcast_to(fabric.colour, (*self.shape, 3))
        colours = colours * dye(fabric.weave, self.shape, self.pose.px_per_unit, rng)[:, :, None]
        for one in part.prints:
            cover = polygon_mask(self.px(one.outline), self.shape)[:, :, None]
            colours = colours + (one.colour - colours) * cover
        for mark in part.marks:
            cover = self._line(mark)[:, :, None]
            tint = mark.colour if mark.colour is not None else colours * np.float32(0.62)
            colours = colours + (tint - colours) * cover
        return colours.astype(np.float32)

    def _cloth(self, part: Part) -> tuple[Field, Field]:
        """Return each pixel's place on the cloth, along and across its grain."""
        y, x = np.mgrid[self.rows, self.columns].astype(np.float32)
        x, y = self.pose.from_px(x, y)
        cos, sin = np.float32(np.cos(part.angle)), np.float32(np.sin(part.angle))
        return cos * x + sin * y, cos * y - sin * x

    def _fold(self, fold: Fold) -> Field:
        """Return a fold's height: many short strokes, narrow at the ends, blurred together."""
        line, unit = self.px(fold.line), self.pose.px_per_unit
        width_px = fold.width * unit
        swell = np.sin(np.linspace(0.0, np.pi, len(line))) ** 0.7
        field = np.zeros(self.shape, dtype=np.float32)
        for i in range(0, len(line) - 1, 2):
            stroke = line_mask(line[i : i + 4], max(1.0, width_px * swell[i] * 0.6), self.shape)
            np.maximum(field, stroke * np.float32(swell[i]), out=field)
        return np.float32(fold.height * 1.6) * blurred(field, width_px * 0.4)

    def _line(self, mark: Mark, soft: float = 0.35) -> Field:
        line, unit = self.px(mark.line), self.pose.px_per_unit
        width_px = mark.width * unit
        if not mark.dash:
            return blurred(line_mask(line, width_px, self.shape), width_px * soft)
        field = np.zeros(self.shape, dtype=np.float32)
        for piece in _dashes(line, mark.dash * unit):
            np.maximum(field, line_mask(piece, width_px, self.shape), out=field)
        return blurred(field, width_px * soft)


def _wrinkles(rng: Generator, shape: tuple[int, int], unit: float) -> Field:
    """Return broad waves and a few sharper creases."""
    broad = fractal_noise(rng, shape, (0.5 * unit, 0.36 * unit), 3)
    crease = 1.0 - np.abs(fractal_noise(rng, shape, (0.42 * unit, 0.55 * unit), 2)) * 2.5
    sharp = blurred(np.square(np.clip(crease, 0.0, 1.0)).astype(np.float32), 0.012 * unit)
    return np.float32(0.017) * broad + np.float32(0.007) * sharp


def _dashes(line: Points, length_px: float) -> list[Points]:
    """Cut a line into stitches, each followed by a gap of half its length."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    walked = np.concatenate([[0.0], np.cumsum(steps)])
    pieces = []
    for start in np.arange(0.0, walked[-1], length_px * 1.5):
        at = np.linspace(start, min(start + length_px, walked[-1]), 3)
        pieces.append(np.stack([np.interp(at, walked, line[:, i]) for i in (0, 1)], axis=1))
    return pieces
