"""What garments of the upper body share: the cut of a body, sleeves, necks, hems."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import Colour
from scripts.drawing.geometry import Points, chain, flip, mirrored, moved, ribbon, smooth
from scripts.drawing.parts import Fabric, Fold, Mark, Part, mirror_part, seam, stitches


@dataclass(frozen=True, slots=True)
class Look:
    """How one item is made up.

    Attributes:
        main: the cloth of the item.
        trim: cuffs, collars and what else is set off.
        accent: prints, buttons, drawstrings.
    """

    main: Fabric
    trim: Fabric
    accent: Colour


@dataclass(frozen=True, slots=True)
class Cut:
    """The right half of a body, in drawing space.

    Attributes:
        neck_half: half the neck's width.
        neck_y: height of the neck's sides.
        neck_front: height of the lowest point of the front.
        shoulder: outer end of the shoulder seam.
        armpit: where body and sleeve part.
        waist: narrowest place of the side.
        hem: lower end of the side.
        hem_drop: how much lower the hem hangs in the middle.
        v_neck: the front's edge is straight.
    """

    neck_half: float = 0.2
    neck_y: float = -0.88
    neck_front: float = -0.7
    shoulder: tuple[float, float] = (0.51, -0.75)
    armpit: tuple[float, float] = (0.47, -0.36)
    waist: tuple[float, float] = (0.45, 0.15)
    hem: tuple[float, float] = (0.47, 0.74)
    hem_drop: float = 0.03
    v_neck: bool = False

    @property
    def neckline(self) -> Points:
        """The front's edge from its lowest point to the right shoulder."""
        return chain((0, self.neck_front, self._neck_bulge), (self.neck_half, self.neck_y))

    @property
    def outline(self) -> Points:
        """The closed outline of the whole front."""
        return mirrored(
            (0, self.neck_front, self._neck_bulge),
            (self.neck_half, self.neck_y, -0.03),
            (*self.shoulder, 0.07),
            (*self.armpit, 0.02),
            (*self.waist, 0.02),
            (*self.hem, -0.03),
            (0, self.hem[1] + self.hem_drop),
        )

    @property
    def hem_line(self) -> Points:
        """The lower edge, left to right."""
        right = chain((0, self.hem[1] + self.hem_drop, -0.03), self.hem)
        return np.concatenate([flip(right)[::-1], right])

    @property
    def _neck_bulge(self) -> float:
        return 0.03 if self.v_neck else 0.24


def body(cut: Cut, fabric: Fabric, rng: Generator, marks: Sequence[Mark] = ()) -> Part:
    """Return the front, with the folds that a worn one has."""
    return Part(cut.outline, fabric, folds=body_folds(cut, rng), marks=marks)


def body_folds(cut: Cut, rng: Generator) -> list[Fold]:
    """Return folds from the armpits towards the middle, and drapes towards the hem."""
    folds = []
    for side in (-1, 1):
        x, y = cut.armpit
        for _ in range(2):
            start = (side * (x - 0.02), y + rng.uniform(0.0, 0.12))
            end = (side * rng.uniform(0.02, 0.24), y + rng.uniform(0.08, 0.42))
            middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - rng.uniform(0.0, 0.06))
            folds.append(Fold(smooth(start, middle, end), 0.08, rng.uniform(0.008, 0.017)))
    low, high = cut.armpit[1] + 0.35, cut.hem[1]
    for x in rng.uniform(-0.8, 0.8, 4) * cut.hem[0]:
        top = rng.uniform(low, (low + high) / 2)
        drape = smooth((x * 0.8, top), (x + 0.02, (top + high) / 2), (x, high + 0.05))
        folds.append(Fold(drape, 0.1, rng.uniform(0.006, 0.014)))
    return folds


@dataclass(frozen=True, slots=True)
class Sleeve:
    """A right sleeve.

    Attributes:
        length: from shoulder to cuff.
        angle: radians below the horizontal, of the upper arm.
        bend: how much further down the lower arm points, radians.
        cuff: width at the wrist.
        cuff_length: length of a cuff of its own, 0 for none.
    """

    length: float
    angle: float
    bend: float = 0.0
    cuff: float = 0.24
    cuff_length: float = 0.0


def sleeves(
    cut: Cut, sleeve: Sleeve, fabric: Fabric, rng: Generator, cuff: Fabric | None = None
) -> list[Part]:
    """Return both sleeves, each at a slightly different angle, to be painted before the body."""
    parts: list[Part] = []
    for side in (-1, 1):
        angle = sleeve.angle + rng.uniform(-0.07, 0.07)
        bend = sleeve.bend + rng.uniform(-0.15, 0.15) * (sleeve.length > 0.6)
        posed = Sleeve(sleeve.length, angle, bend, sleeve.cuff, sleeve.cuff_length)
        arm = _right_sleeve(cut, posed, fabric, rng, cuff)
        parts += arm if side == 1 else [mirror_part(part) for part in arm]
    return parts


def _right_sleeve(
    cut: Cut, sleeve: Sleeve, fabric: Fabric, rng: Generator, cuff: Fabric | None
) -> list[Part]:
    shoulder, armpit = np.array(cut.shoulder), np.array(cut.armpit)
    upper, across = _direction(sleeve.angle)
    lower, across_low = _direction(sleeve.angle + sleeve.bend)
    elbow = shoulder + upper * sleeve.length * 0.5
    wrist = elbow + lower * sleeve.length * 0.5
    armhole = float(np.linalg.norm(armpit - shoulder))
    middle = 0.45 * armhole + 0.55 * sleeve.cuff
    across_elbow = (across + across_low) / np.linalg.norm(across + across_low)
    elbow_in = elbow + across_elbow * middle
    wrist_in = wrist + across_low * sleeve.cuff
    outline = chain(
        (shoulder[0] - 0.1, shoulder[1] - 0.03),
        (*shoulder, -0.05),
        (*elbow, -0.02),
        (*wrist, 0.0),
        (*wrist_in, -0.02),
        (*elbow_in, -0.02),
        (armpit[0], armpit[1] + 0.02),
        (armpit[0] - 0.12, armpit[1] - 0.02),
        closed=True,
    )
    grain = sleeve.angle + sleeve.bend / 2 - np.pi / 2
    folds = _sleeve_folds(elbow, elbow_in, armpit, shoulder, rng)
    marks = [seam(chain(wrist - lower * 0.045, wrist_in - lower * 0.045), 0.008)]
    parts = [Part(outline, fabric, angle=grain, folds=folds, marks=marks)]
    if cuff is not None and sleeve.cuff_length > 0:
        narrow = across_low * sleeve.cuff * 0.06
        start, end = wrist - lower * 0.02, wrist + lower * sleeve.cuff_length
        band = chain(
            (*(start - narrow * 0.3), 0.02),
            tuple(end + narrow),
            tuple(end + across_low * sleeve.cuff - narrow),
            (*(start + across_low * sleeve.cuff + narrow * 0.3), 0.0),
            closed=True,
        )
        bend_angle = sleeve.angle + sleeve.bend - np.pi / 2
        parts.append(Part(band, cuff, angle=bend_angle, edge=0.03, wrinkles=0.4, drop=0.012))
    return parts


def _direction(angle: float) -> tuple[Points, Points]:
    """Return the unit vectors along an arm at this angle, and across it towards the body."""
    return np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])


def _sleeve_folds(
    elbow: Points, elbow_in: Points, armpit: Points, shoulder: Points, rng: Generator
) -> list[Fold]:
    folds = []
    for _ in range(3):
        share = rng.uniform(0.15, 0.8)
        start = elbow_in + (elbow - elbow_in) * 0.05 + (armpit - elbow_in) * rng.uniform(0.0, 0.5)
        end = elbow + (shoulder - elbow) * share + (elbow_in - elbow) * 0.2
        folds.append(Fold(smooth(start, (start + end) / 2, end), 0.06, rng.uniform(0.006, 0.015)))
    return folds


def back_neck(cut: Cut, fabric: Fabric, label: Colour | None = None) -> list[Part]:
    """Return the inside of the back that shows through the neck, to be painted first."""
    rise = 0.035
    inside = mirrored(
        (0, cut.neck_y + rise, -0.04),
        (cut.neck_half + 0.015, cut.neck_y - 0.01, 0.0),
        (cut.neck_half * 0.9, cut.neck_front * 0.6 + cut.neck_y * 0.4, 0.1),
        (0, cut.neck_front + 0.05),
    )
    parts = [Part(inside, fabric.plain(0.12), tone=0.78, wrinkles=0.3, drop=0.0)]
    half, y = cut.neck_half + 0.01, cut.neck_y + 0.012
    band = chain((-half, y, 0.09), (half, y))
    parts.append(
        Part(ribbon(band, 0.035), fabric.plain(0.05), tone=0.9, edge=0.012, wrinkles=0, drop=0.012)
    )
    if label is not None:
        y = cut.neck_y + rise + 0.045
        tag = chain((-0.05, y), (0.05, y), (0.05, y + 0.045), (-0.05, y + 0.045), closed=True)
        parts.append(Part(tag, Fabric(label), puff=0.004, edge=0.01, drop=0.006, wrinkles=0.0))
    return parts


def neck_band(cut: Cut, fabric: Fabric, width: float = 0.045) -> Part:
    """Return the band along the front of the neck."""
    line = _whole_neckline(cut)
    return Part(
        ribbon(moved(line, 0.0, width * 0.25), width), fabric, edge=0.016, puff=0.012, drop=0.01,
        wrinkles=0.1, marks=[seam(moved(line, 0.0, width * 0.72), 0.007)],
    )  # fmt: skip


def _whole_neckline(cut: Cut) -> Points:
    right = cut.neckline
    return np.concatenate([flip(right)[:0:-1], right])


def hem_band(cut: Cut, fabric: Fabric, height: float = 0.1) -> Part:
    """Return a ribbed band at the lower edge, a little narrower than the body."""
    x, y = cut.hem
    low = y + cut.hem_drop + height
    outline = mirrored(
        (0, y + cut.hem_drop - 0.015), (x + 0.005, y - 0.015, 0.08), (x - 0.05, low - 0.02, -0.02),
        (0, low),
    )  # fmt: skip
    return Part(outline, fabric, edge=0.03, wrinkles=0.5, drop=0.012)


def hem_stitches(cut: Cut, colour: Colour | None = None) -> list[Mark]:
    """Return the seam above the lower edge, sewn in a thread of this colour."""
    line = cut.hem_line - (0.0, 0.05)
    return [seam(line, 0.007) if colour is None else stitches(line, colour)]
