"""What a garment is made of: layered pieces of fabric with folds, seams and small hardware."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scripts.drawing.colours import Colour, darker, rgb
from scripts.drawing.geometry import Points, box, ellipse, flip, ribbon
from scripts.drawing.patterns import Pattern

Weave = Literal[
    "cotton", "jersey", "knit", "rib", "denim", "leather", "satin", "wool", "straw", "corduroy",
    "suede", "quilt", "diamond quilt", "plastic", "metal",
]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Fabric:
    """What a piece is cut from.

    Attributes:
        colour: of the cloth where it has no pattern.
        weave: its fine relief and how it shines.
        pattern: what is printed on it or woven into it.
    """

    colour: Colour
    weave: Weave = "cotton"
    pattern: Pattern | None = None

    def plain(self, shade: float = 0.0) -> "Fabric":
        """Return the same cloth without its pattern, a share darker."""
        return replace(self, pattern=None, colour=darker(self.colour, shade))


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """A soft ridge (height > 0) or valley (< 0) along an open line, fading at both ends."""

    line: Points
    width: float = 0.06
    height: float = 0.014


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A thin line on a piece: a seam, a row of stitches, a drawstring.

    Attributes:
        line: open.
        colour: None for a seam, which is the cloth's own shadow.
        width: across.
        dash: length of one stitch, 0 for a continuous line.
        relief: how deep the line is pressed in (or, negative, how far it stands out).
    """

    line: Points
    colour: Colour | None = None
    width: float = 0.008
    dash: float = 0.0
    relief: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """A closed shape dyed into a piece; it takes the piece's folds and light."""

    outline: Points
    colour: Colour


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One piece, painted over those before it.

    Attributes:
        outline: closed.
        fabric: what it is cut from.
        angle: how far its grain is turned, radians; stripes on a sleeve follow the sleeve.
        puff: how high it stands above what is beneath, 0 for a print.
        edge: how wide its rounded edge is.
        drop: length of its shadow on what is beneath.
        folds: drawn into its surface.
        wrinkles: strength of the random unevenness, 1 for worn cotton, 0 for hardware.
        prints: dyed into it, the lowest first.
        marks: drawn on it, clipped to it.
        tone: its light, 1 as it is, less for what lies in the garment's own shade.
        corner: how round its corners are.
    """

    outline: Points
    fabric: Fabric
    angle: float = 0.0
    puff: float = 0.013
    edge: float = 0.035
    drop: float = 0.02
    folds: Sequence[Fold] = ()
    wrinkles: float = 1.0
    prints: Sequence[Print] = ()
    marks: Sequence[Mark] = ()
    tone: float = 1.0
    corner: float = 0.008


Garment = list[Part]
"""All parts of one item, the lowest first."""


def mirror_part(part: Part) -> Part:
    """Return the part on the other side of the garment."""
    return placed_part(replace(part, angle=-part.angle), flip)


def placed_part(part: Part, place: Callable[[Points], Points], turn: float = 0.0) -> Part:
    """Return the part moved elsewhere, its grain turned by `turn` radians."""
    return replace(
        part,
        outline=place(part.outline),
        angle=part.angle + turn,
        folds=[replace(fold, line=place(fold.line)) for fold in part.folds],
        prints=[replace(one, outline=place(one.outline)) for one in part.prints],
        marks=[replace(mark, line=place(mark.line)) for mark in part.marks],
    )


def seam(line: Points, width: float = 0.009) -> Mark:
    """Return a sewn seam: a narrow valley in the cloth's own colour."""
    return Mark(line, width=width, relief=0.006)


def stitches(line: Points, colour: Colour) -> Mark:
    """Return a row of visible stitches."""
    return Mark(line, colour, width=0.007, dash=0.02)


def button(x: float, y: float, colour: Colour, radius: float = 0.022) -> list[Part]:
    """Return a sewn button with its four holes."""
    plastic = Fabric(colour, "plastic")
    hole = Fabric(darker(colour, 0.55), "plastic")
    step = radius * 0.3
    holes = [
        small_part(ellipse(x + dx, y + dy, radius * 0.14, radius * 0.14), hole)
        for dx in (-step, step)
        for dy in (-step, step)
    ]
    return [
        Part(
            ellipse(x, y, radius, radius), plastic, puff=0.012, edge=radius * 0.5, drop=0.008,
            wrinkles=0.0, corner=0.0,
        ),
        *holes,
    ]  # fmt: skip


def small_part(outline: Points, fabric: Fabric, tone: float = 1.0) -> Part:
    """Return a flat part without folds or shadow: a print, a hole, a label."""
    return Part(outline, fabric, puff=0.0, edge=0.01, drop=0.0, wrinkles=0.0, tone=tone, corner=0.0)


def zipper(line: Points, tape: Colour) -> list[Part]:
    """Return a closed zip fastener along a line that starts at its puller."""
    teeth = Mark(line, rgb("c9c6bf"), width=0.02, dash=0.008)
    strip = Part(
        ribbon(line, 0.05), Fabric(tape), puff=0.004, edge=0.01, drop=0.006, wrinkles=0.2,
        marks=[teeth],
    )  # fmt: skip
    x, y = line[0].tolist()
    puller = box(x - 0.011, y + 0.005, x + 0.011, y + 0.075)
    return [strip, Part(puller, METAL, puff=0.008, edge=0.008, drop=0.012, wrinkles=0.0)]


METAL = Fabric(rgb("b9b6b0"), "metal")
BRASS = Fabric(rgb("b08a4a"), "metal")
ORANGE_THREAD = rgb("c98a45")
