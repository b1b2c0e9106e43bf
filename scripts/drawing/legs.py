"""What trousers and shorts share: two legs, their folds, and waistbands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import Colour
from scripts.drawing.geometry import Points, box, chain, ellipse, mirrored, ribbon, smooth
from scripts.drawing.parts import BRASS, Fabric, Fold, Mark, Part, button, mirror_part, stitches
from scripts.drawing.tops import Look


@dataclass(frozen=True, slots=True)
class Legs:
    """The right half of a pair of trousers.

    Attributes:
        waist: half its width.
        top: height of the waistband's lower edge.
        hip: half the width at the crotch.
        crotch: its height.
        outer: the cuff's outer end.
        inner: the cuff's inner end.
        knee_in: how much the outer side is drawn in at the knee.
    """

    waist: float
    top: float
    hip: float
    crotch: float
    outer: tuple[float, float]
    inner: tuple[float, float]
    knee_in: float = 0.0

    @property
    def leg(self) -> Points:
        """The closed outline of the right leg, up to the middle of the waist."""
        knee_y = (self.crotch + self.outer[1]) / 2
        knee_x = (self.hip + self.outer[0]) / 2 - self.knee_in
        return chain(
            (0.0, self.top), (self.waist, self.top, -0.05), (self.hip, self.crotch - 0.12, 0.0),
            (knee_x, knee_y, 0.0), (*self.outer, -0.03), (*self.inner, 0.0),
            (0.012, self.crotch, 0.0), closed=True,
        )  # fmt: skip


def two_legs(
    legs: Legs,
    fabric: Fabric,
    rng: Generator,
    marks: Sequence[Mark],
    middle: Sequence[Mark],
    folds: Sequence[Fold] = (),
) -> list[Part]:
    """Return the left leg, then the right one with the marks of the middle."""
    right = Part(
        legs.leg,
        fabric,
        folds=[*folds, *_leg_folds(legs, rng)],
        marks=[*marks, *middle],
        angle=-0.03,
    )
    left = Part(legs.leg, fabric, folds=[*folds, *_leg_folds(legs, rng)], marks=marks, angle=-0.03)
    return [mirror_part(left), right]


def _leg_folds(legs: Legs, rng: Generator) -> list[Fold]:
    """Return folds that spread from the crotch, and creases at the knee."""
    folds = []
    for i in range(3):
        end = (legs.hip * rng.uniform(0.5, 0.9), legs.crotch + rng.uniform(-0.25, 0.1) + 0.05 * i)
        start = (0.03, legs.crotch - 0.03 + 0.04 * i)
        bend = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.02)
        folds.append(Fold(smooth(start, bend, end), 0.06, rng.uniform(0.008, 0.016)))
    knee = (legs.crotch + legs.outer[1]) / 2
    if legs.outer[1] - legs.crotch > 1.0:
        x0, x1 = 0.1, legs.hip
        for _ in range(4):
            y = knee + rng.uniform(-0.2, 0.45)
            line = smooth((x0, y), ((x0 + x1) / 2, y + rng.uniform(-0.06, 0.06)), (x1, y - 0.04))
            folds.append(Fold(line, 0.07, rng.uniform(0.006, 0.013)))
    middle = (np.array(legs.outer) + np.array(legs.inner)) / 2
    for x in rng.uniform(-0.1, 0.1, 2):
        start = (legs.hip * 0.55 + x, legs.crotch + 0.1)
        end = (middle[0] + x, middle[1] + 0.03)
        line = smooth(start, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), end)
        folds.append(Fold(line, 0.1, rng.uniform(0.008, 0.016)))
    return folds


def waistband(legs: Legs, look: Look, knob: Colour, thread: Colour | None) -> list[Part]:
    """Return a sewn waistband with belt loops and a button of colour `knob`."""
    w, t = legs.waist, legs.top
    outline = mirrored(
        (0, t - 0.075, -0.02),
        (w - 0.01, t - 0.095, 0.0),
        (w + 0.004, t + 0.008, 0.02),
        (0, t + 0.022),
    )
    inside = chain((-w + 0.02, t - 0.1, -0.04), (w - 0.02, t - 0.1, -0.05), closed=True)
    marks = []
    if thread is not None:
        marks = [stitches(chain((-w, t + d), (w, t + d)), thread) for d in (-0.07, -0.004)]
    loops = [
        Part(box(x - 0.014, t - 0.1, x + 0.014, t + 0.03), look.main.plain(0.05), puff=0.01,
             edge=0.01, drop=0.01, wrinkles=0.0)
        for x in (-w * 0.62, w * 0.62)
    ]  # fmt: skip
    return [
        Part(inside, look.main.plain(0.3), tone=0.6, puff=0.0, drop=0.0, wrinkles=0.2),
        Part(outline, look.trim, edge=0.02, drop=0.014, wrinkles=0.4, marks=marks),
        *loops,
        *button(0.005, t - 0.03, knob, 0.024),
    ]


def elastic_waist(legs: Legs, look: Look, rng: Generator) -> list[Part]:
    """Return a gathered waistband with a drawstring."""
    w, t = legs.waist, legs.top
    outline = mirrored(
        (0, t - 0.085, -0.02),
        (w - 0.005, t - 0.095, -0.2),
        (w + 0.008, t + 0.02, 0.02),
        (0, t + 0.03),
    )
    gathers = [
        Fold(chain((x, t - 0.1), (x * 1.02, t + 0.06)), 0.022, 0.02)
        for x in np.linspace(-w * 0.95, w * 0.95, 23) + rng.uniform(-0.006, 0.006, 23)
    ]
    cords = [
        ribbon(
            smooth((s * 0.035, t - 0.02), (s * 0.06, t + 0.12), (s * (0.04 + d), t + 0.27)), 0.02
        )
        for s, d in ((1, rng.uniform(0, 0.07)), (-1, rng.uniform(0, 0.07)))
    ]
    cord = Fabric(look.accent)
    return [
        Part(outline, look.trim, edge=0.025, drop=0.014, wrinkles=0.3, folds=gathers),
        *[Part(c, cord, puff=0.01, edge=0.01, drop=0.012, wrinkles=0.0) for c in cords],
        *[
            Part(
                ellipse(s * 0.035, t - 0.02, 0.013, 0.013),
                BRASS,
                puff=0.006,
                edge=0.008,
                wrinkles=0,
            )
            for s in (1, -1)
        ],
    ]
