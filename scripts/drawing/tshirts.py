"""T-shirts: crew and V necks, ringers, pockets, prints on the chest, polos."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import Colour, contrasting, darker, lighter, mix, rgb
from scripts.drawing.geometry import Points, box, chain, ellipse, moved, smooth
from scripts.drawing.motifs import heart, palm_leaf, star
from scripts.drawing.parts import Fabric, Garment, Part, Print, button, seam
from scripts.drawing.tops import (
    Cut,
    Look,
    Sleeve,
    back_neck,
    body,
    hem_stitches,
    neck_band,
    sleeves,
)

_CREW = Cut()
_V = Cut(neck_half=0.19, neck_front=-0.56, v_neck=True)
_LABEL = rgb("e8e4da")


def crew_tee(look: Look, rng: Generator) -> Garment:
    """A T-shirt with a round neck."""
    return _tee(_CREW, look, rng, look.main.plain(0.06))


def v_neck_tee(look: Look, rng: Generator) -> Garment:
    """A T-shirt with a V-shaped neck."""
    return _tee(_V, look, rng, look.main.plain(0.06))


def ringer_tee(look: Look, rng: Generator) -> Garment:
    """A T-shirt whose neck and cuffs are set off in a second colour."""
    return _tee(_CREW, look, rng, look.trim, cuff=look.trim)


def pocket_tee(look: Look, rng: Generator) -> Garment:
    """A T-shirt with a breast pocket."""
    garment = _tee(_CREW, look, rng, look.main.plain(0.06))
    pocket = chain(
        (0.1, -0.36), (0.33, -0.36), (0.33, -0.12), (0.215, -0.07), (0.1, -0.12), closed=True
    )
    line = chain((0.1, -0.32), (0.33, -0.32))
    garment.append(
        Part(pocket, look.trim, puff=0.008, edge=0.02, drop=0.01, wrinkles=0.5, marks=[seam(line)])
    )
    return garment


def graphic_tee(draw: Callable[[Colour, Colour], list[Print]]) -> Callable[..., Garment]:
    """Return a T-shirt with a print on the chest."""

    def build(look: Look, rng: Generator) -> Garment:
        prints = draw(look.accent, look.main.colour)
        return _tee(_CREW, look, rng, look.main.plain(0.06), prints=prints)

    return build


def polo(look: Look, rng: Generator) -> Garment:
    """A polo shirt: a knitted collar and two buttons."""
    cut = Cut(neck_half=0.17, neck_front=-0.72)
    garment = _tee(cut, look, rng, look.main.plain(0.06), cuff=look.trim)
    placket = box(-0.045, -0.74, 0.045, -0.4)
    garment.append(
        Part(placket, look.main.plain(0.04), puff=0.006, edge=0.015, drop=0.008, wrinkles=0.3)
    )
    for y in (-0.6, -0.47):
        garment += button(0.0, y, contrasting(look.main.colour), 0.017)
    leaf = chain(
        (0.005, -0.715, 0.05), (0.17, -0.9, -0.02), (0.235, -0.83, 0.0), (0.11, -0.6, 0.0),
        closed=True,
    )  # fmt: skip
    for outline in (leaf, leaf * (-1, 1)):
        garment.append(Part(outline, look.trim, puff=0.014, edge=0.02, drop=0.016, wrinkles=0.2))
    return garment


def _tee(
    cut: Cut,
    look: Look,
    rng: Generator,
    band: Fabric,
    *,
    cuff: Fabric | None = None,
    prints: Sequence[Print] = (),
) -> Garment:
    arm = Sleeve(
        rng.uniform(0.36, 0.44), rng.uniform(0.62, 0.85), 0.0, rng.uniform(0.27, 0.31),
        0.05 if cuff else 0.0,
    )  # fmt: skip
    front = replace(body(cut, look.main, rng, hem_stitches(cut)), prints=prints)
    return [
        *back_neck(cut, look.main, _LABEL),
        *sleeves(cut, arm, look.main, rng, cuff),
        front,
        neck_band(cut, band),
    ]


def _print(points: Points, colour: Colour, size: float = 1.0) -> Print:
    return Print(moved(points, 0.0, -0.22, size), colour)


def sunset(accent: Colour, ground: Colour) -> list[Print]:
    """A setting sun behind stripes of sea."""
    warm = mix(rgb("e9a03b"), accent, 0.35)
    parts = [_print(ellipse(0, 0, 0.24, 0.24), warm)]
    for i, y in enumerate((0.02, 0.08, 0.14, 0.19)):
        parts.append(_print(box(-0.25, y, 0.25, y + 0.014 + i * 0.006), ground))
    return parts


def mountains(accent: Colour, ground: Colour) -> list[Print]:
    """Three peaks under a moon."""
    far, near = mix(accent, ground, 0.45), accent
    peak = np.array([(-0.3, 0.2), (-0.12, -0.1), (0.0, 0.06), (0.1, -0.05), (0.3, 0.2)])
    snow = np.array([(-0.165, -0.025), (-0.12, -0.1), (-0.075, -0.035), (-0.11, -0.01)])
    return [
        _print(ellipse(0.13, -0.17, 0.07, 0.07), lighter(accent, 0.55)),
        _print(np.array([(-0.2, 0.2), (0.08, -0.16), (0.34, 0.2)]), far),
        _print(peak, near),
        _print(snow, lighter(accent, 0.75)),
    ]


def big_heart(accent: Colour, _ground: Colour) -> list[Print]:
    """A heart."""
    (outline, colour) = heart(accent, accent, np.random.default_rng(0))[0]
    return [_print(outline, colour, 0.21)]


def big_star(accent: Colour, _ground: Colour) -> list[Print]:
    """A star within a ring."""
    (outline, colour) = star(accent, accent, np.random.default_rng(0))[0]
    return [
        _print(ellipse(0, 0, 0.25, 0.25), accent),
        _print(ellipse(0, 0, 0.225, 0.225), _ground),
        _print(outline, colour, 0.19),
    ]


def big_leaf(accent: Colour, _ground: Colour) -> list[Print]:
    """A palm leaf."""
    shapes = palm_leaf(accent, darker(accent, 0.3), np.random.default_rng(3))
    return [_print(outline, colour, 0.24) for outline, colour in shapes]


def wave(accent: Colour, ground: Colour) -> list[Print]:
    """Three waves in a square."""
    parts = [_print(box(-0.24, -0.2, 0.24, 0.22), accent)]
    for i, shade in enumerate((0.75, 0.5, 0.85)):
        y = -0.05 + i * 0.1
        crest = smooth((-0.24, y), (-0.12, y - 0.06), (0.0, y), (0.12, y - 0.06), (0.24, y))
        area = np.concatenate([crest, crest[::-1] * (1, 0) + (0, y + 0.06)])
        parts.append(_print(area, mix(accent, ground, shade)))
    return parts


TSHIRTS = {
    "crew tee": crew_tee,
    "v-neck tee": v_neck_tee,
    "ringer tee": ringer_tee,
    "pocket tee": pocket_tee,
    "polo": polo,
    "sunset tee": graphic_tee(sunset),
    "mountain tee": graphic_tee(mountains),
    "heart tee": graphic_tee(big_heart),
    "star tee": graphic_tee(big_star),
    "leaf tee": graphic_tee(big_leaf),
    "wave tee": graphic_tee(wave),
}
