"""T-shirts: crew and V necks, ringers, pockets, prints on the chest, polos."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from scripts.drawing.colours import Colour, contrasting, mix, rgb
from scripts.drawing.geometry import Points, box, chain, ellipse, moved
from scripts.drawing.motifs import heart
from scripts.drawing.parts import Fabric, Garment, Part, Print, button
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


def big_heart(accent: Colour, _ground: Colour) -> list[Print]:
    """A heart."""
    (outline, colour) = heart(accent, accent, np.random.default_rng(0))[0]
    return [_print(outline, colour, 0.21)]


TSHIRTS = {
    "crew tee": crew_tee,
    "v-neck tee": v_neck_tee,
    "ringer tee": ringer_tee,
    "polo": polo,
    "sunset tee": graphic_tee(sunset),
    "heart tee": graphic_tee(big_heart),
}
