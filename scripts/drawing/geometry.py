"""Curves in drawing space: cubic Bézier edges, smooth lines, mirrored outlines, poses."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""(n, 2): x to the right, y down."""

Place = Sequence[float] | Points
"""x and y; for a corner of a chain also the bulge of the edge that leaves it."""

_STEPS = 20


def edge(start: Place, end: Place, bulge: float = 0.0) -> Points:
    """Return a cubic Bézier from `start` to `end`, the end itself left out.

    Args:
        start: x and y.
        end: x and y.
        bulge: how far the edge bends to its right (seen in walking direction with y down), as a
            share of its length; the control points lie at a third and two thirds.
    """
    p0, p3 = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    along = p3 - p0
    # A cubic with both control points off by c reaches 3/4 c in its middle.
    off = np.array([-along[1], along[0]]) * bulge * (4 / 3)
    return bezier(p0, p0 + along / 3 + off, p0 + along * 2 / 3 + off, p3)


def bezier(p0: Points, p1: Points, p2: Points, p3: Points) -> Points:
    """Return `_STEPS` points of a cubic Bézier, its last point left out."""
    t = np.linspace(0.0, 1.0, _STEPS, endpoint=False)[:, None]
    s = 1.0 - t
    return s**3 * p0 + 3 * s**2 * t * p1 + 3 * s * t**2 * p2 + t**3 * p3


def chain(*corners: Place, closed: bool = False) -> Points:
    """Join corners by Bézier edges.

    Args:
        corners: (x, y) or (x, y, bulge of the edge that leaves this corner).
        closed: also join the last corner to the first.

    Returns:
        The line's points; an open line ends in its last corner.
    """
    follow = [*corners[1:], corners[0]] if closed else corners[1:]
    edges = [
        edge(here[:2], there[:2], here[2] if len(here) > 2 else 0.0)
        for here, there in zip(corners, follow, strict=False)
    ]
    if not closed:
        edges.append(np.array([corners[-1][:2]], dtype=np.float64))
    return np.concatenate(edges)


def mirrored(*corners: Place) -> Points:
    """Return the closed outline whose right half is the given chain, from top to bottom centre."""
    return both(chain(*corners))


def both(right: Points) -> Points:
    """Return the closed outline whose right half is the given line, top centre to bottom centre."""
    return np.concatenate([right, flip(right)[::-1]])


def flip(points: Points) -> Points:
    """Return the mirror image, left for right."""
    return points * (-1.0, 1.0)


def smooth(*through: Place) -> Points:
    """Return a smooth open line through points (Catmull-Rom, as cubic Béziers)."""
    p = np.asarray(through, dtype=np.float64)
    tangents = np.gradient(p, axis=0)
    pieces = [
        bezier(p[i], p[i] + tangents[i] / 3, p[i + 1] - tangents[i + 1] / 3, p[i + 1])
        for i in range(len(p) - 1)
    ]
    return np.concatenate([*pieces, p[-1:]])


def loop(*through: Place) -> Points:
    """Return a smooth closed line through points."""
    wrapped = [*through[-3:], *through, *through[:3]]
    return smooth(*wrapped)[3 * _STEPS : -3 * _STEPS]


def ellipse(x: float, y: float, rx: float, ry: float) -> Points:
    """Return a closed ellipse around (x, y)."""
    t = np.linspace(0.0, 2 * np.pi, 72, endpoint=False)
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], axis=1)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Return a closed rectangle."""
    return chain((x0, y0), (x1, y0), (x1, y1), (x0, y1), closed=True)


def ribbon(line: Points, width: float, end_width: float | None = None) -> Points:
    """Return the closed outline of a band along `line`, centred on it.

    Args:
        line: (n, 2).
        width: across, at the line's start.
        end_width: at its end; as at the start where not given.
    """
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-12
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    last = width if end_width is None else end_width
    half = np.linspace(width, last, len(line))[:, None] / 2
    return np.concatenate([line + normal * half, (line - normal * half)[::-1]])


def turned(points: Points, angle: float, pivot: Place = (0.0, 0.0)) -> Points:
    """Return the points turned by `angle` radians (clockwise as seen, y is down) about `pivot`."""
    cos, sin = np.cos(angle), np.sin(angle)
    centre = np.asarray(pivot, dtype=np.float64)
    matrix = np.array([[cos, sin], [-sin, cos]])
    rotated: Points = (points - centre) @ matrix + centre
    return rotated


def moved(points: Points, x: float, y: float, scale: float = 1.0) -> Points:
    """Return the points scaled about the origin, then moved."""
    return points * scale + (x, y)


def along(line: Points, share: float) -> Points:
    """Return the (2,) point at a share (0 to 1) of the line's length."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    walked = np.concatenate([[0.0], np.cumsum(steps)])
    target = share * walked[-1]
    return np.array([np.interp(target, walked, line[:, i]) for i in (0, 1)])
