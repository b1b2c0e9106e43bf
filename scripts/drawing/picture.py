"""One finished product shot: background, shadow, garment, and the eye of the camera."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from zlib import crc32

import numpy as np
from numpy.random import Generator
from PIL import Image

from scripts.drawing.backgrounds import BACKGROUNDS, make_background
from scripts.drawing.bottoms import PANTS, SHORTS
from scripts.drawing.catalogue import Item
from scripts.drawing.colours import PALETTE, Colour, rgb
from scripts.drawing.dresses import DRESSES
from scripts.drawing.fields import blurred, polygon_mask, shifted
from scripts.drawing.geometry import chain, ribbon, smooth
from scripts.drawing.hats import HATS
from scripts.drawing.longsleeves import LONGSLEEVES
from scripts.drawing.outwear import OUTWEAR
from scripts.drawing.painter import Canvas, Pose, paint
from scripts.drawing.parts import METAL, Fabric, Garment, Part
from scripts.drawing.patterns import make_pattern
from scripts.drawing.shirts import SHIRTS
from scripts.drawing.shoes_from_above import FLAT_SHOES
from scripts.drawing.shoes_from_side import SIDE_SHOES
from scripts.drawing.skirts import SKIRTS
from scripts.drawing.tops import Look
from scripts.drawing.tshirts import TSHIRTS

WIDTH_PX, HEIGHT_PX = 320, 400
_SUPERSAMPLING = 3
_UNIT_PX = WIDTH_PX * _SUPERSAMPLING / 2

Builder = Callable[[Look, Generator], Garment]

KINDS: Mapping[str, Mapping[str, Builder]] = {
    "dress": DRESSES,
    "hat": HATS,
    "longsleeve": LONGSLEEVES,
    "outwear": OUTWEAR,
    "pants": PANTS,
    "shirt": SHIRTS,
    "shoes": {**SIDE_SHOES, **FLAT_SHOES},
    "shorts": SHORTS,
    "skirt": SKIRTS,
    "t-shirt": TSHIRTS,
}

# Cloth that takes the dye in its own way.
_DYES: Mapping[str, Mapping[str, Colour]] = {
    "denim": {
        "blue": rgb("3f5d88"), "light blue": rgb("8fb0cd"), "black": rgb("34363b"),
        "navy": rgb("2b3752"), "grey": rgb("7f838a"),
    },
    "straw": {"beige": rgb("dcbf8a"), "camel": rgb("b98a52"), "white": rgb("eee3cb")},
}  # fmt: skip

_HUNG = ("dress", "shirt", "longsleeve", "outwear")
_SURFACES_OF_FIRST_PHOTOS = (
    "studio", "studio", "studio", "grey paper", "grey paper", "warm paper", "blush paper",
    "blue paper", "oak floor", "white boards", "bed sheet", "concrete", "tiles",
)  # fmt: skip
_SURFACES_OF_SECOND_PHOTOS = (
    "oak floor", "dark floor", "white boards", "bed sheet", "red cloth", "grey blanket", "tiles",
    "concrete", "rug",
)  # fmt: skip
_LEAST_CONTRAST = 0.22


def draw_picture(item: Item, seed: int) -> Image.Image:
    """Draw an item; the same item and seed give the same picture.

    Returns:
        An RGB picture of `WIDTH_PX` by `HEIGHT_PX`.
    """
    # The print belongs to the product, cut and pose to the photo.
    look = _look(item, _random(seed, "cloth", item.product_id))
    rng = _random(seed, "photo", item.item_id)
    garment = KINDS[item.product.kind][item.product.style](look, rng)
    if item.photo == 1 and item.product.kind in _HUNG and rng.uniform() < 0.25:
        garment = [*_hanger(garment), *garment]
    shape = (HEIGHT_PX * _SUPERSAMPLING, WIDTH_PX * _SUPERSAMPLING)
    canvas = make_background(_surface(item, look, rng), shape, _UNIT_PX, rng)
    pose = _pose(garment, item.photo, rng)
    _cast_shadow(canvas, garment, pose)
    for part in garment:
        paint(canvas, part, pose, rng)
    return _develop(canvas, rng)


def _random(seed: int, *names: str) -> Generator:
    return np.random.default_rng([seed, *(crc32(name.encode()) for name in names)])


def _look(item: Item, rng: Generator) -> Look:
    colour = _DYES.get(item.product.weave, {}).get(item.color, PALETTE[item.color])
    figure, accent = PALETTE[item.figure], PALETTE[item.accent]
    main = Fabric(
        colour, item.product.weave, make_pattern(item.product.pattern, colour, figure, accent, rng)
    )
    trims = {
        "same": main,
        "plain": main.plain(),
        "figure": replace(main, colour=figure, pattern=None),
        "dark": main.plain(0.35),
    }
    return Look(main, trims[item.product.trim], accent)


def _surface(item: Item, look: Look, rng: Generator) -> str:
    """Return a background that the garment stands out from."""
    names = _SURFACES_OF_FIRST_PHOTOS if item.photo == 1 else _SURFACES_OF_SECOND_PHOTOS
    own = look.main.colour
    distances = {
        name: float(np.abs(BACKGROUNDS[name].colour - own).max()) for name in dict.fromkeys(names)
    }
    visible = [name for name in names if distances[name] > _LEAST_CONTRAST]
    return visible[int(rng.integers(len(visible)))] if visible else "dark floor"


def _pose(garment: Garment, photo: int, rng: Generator) -> Pose:
    """Return where the garment lies: upright and whole, or for a second photo turned and nearer."""
    points = np.concatenate([part.outline for part in garment])
    low, high = points.min(axis=0), points.max(axis=0)
    fit = float(min(np.array([1.84, 2.28]) / (high - low)))
    if photo == 1:
        scale, angle = min(fit, 1.35) * rng.uniform(0.9, 1.0), rng.normal(0.0, 0.035)
    else:
        scale, angle = fit * rng.uniform(1.02, 1.2), rng.uniform(0.1, 0.28) * rng.choice([-1, 1])
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) * scale * _UNIT_PX
    middle = np.array([1.0, HEIGHT_PX / WIDTH_PX]) * _UNIT_PX
    shift = rng.uniform(-0.03, 0.03, 2) * _UNIT_PX
    amplitude = rng.uniform(-0.011, 0.011, (3, 2))
    waves = rng.uniform(1.2, 4.0, (3, 2)) * rng.choice([-1, 1], (3, 2))
    sway = np.column_stack([amplitude, waves, rng.uniform(0, 2 * np.pi, 3)])
    return Pose(matrix, middle + shift - matrix @ ((low + high) / 2), sway)


def _hanger(garment: Garment) -> list[Part]:
    """Return a wooden hanger, of which the garment will leave the hook and the neck to see."""
    points = np.concatenate([part.outline for part in garment])
    near_middle = points[np.abs(points[:, 0]) < 0.12]
    y = float(near_middle[:, 1].min())
    top = min(y - 0.05, float(points[:, 1].min()) + 0.1)
    bar = ribbon(smooth((-0.34, top + 0.2), (0.0, top + 0.06), (0.34, top + 0.2)), 0.05)
    hook = np.concatenate(
        [
            chain((0.0, top + 0.06), (0.0, top - 0.06))[:-1],
            smooth((0.0, top - 0.06), (0.06, top - 0.11), (0.055, top - 0.18), (0.0, top - 0.21),
                   (-0.055, top - 0.17)),
        ]
    )  # fmt: skip
    wood = Fabric(rgb("b98d5c"))
    return [
        Part(bar, wood, edge=0.02, puff=0.03, drop=0.02, wrinkles=0.2),
        Part(ribbon(hook, 0.02), METAL, edge=0.008, puff=0.01, drop=0.02, wrinkles=0.0),
    ]


def _cast_shadow(canvas: Canvas, garment: Garment, pose: Pose) -> None:
    """Darken the ground around the garment: closely at its edge, softly further away."""
    shape = canvas.shape[:2]
    cover = np.zeros(shape, dtype=np.float32)
    for part in garment:
        np.maximum(cover, polygon_mask(pose.to_px(part.outline), shape), out=cover)
    for strength, blur, right, down in ((0.34, 0.03, 0.022, 0.034), (0.26, 0.14, 0.03, 0.06)):
        soft = blurred(cover, blur * _UNIT_PX)
        soft = shifted(soft, round(down * _UNIT_PX), round(right * _UNIT_PX))
        canvas *= (1.0 - np.float32(strength) * soft)[:, :, None]


def _develop(canvas: Canvas, rng: Generator) -> Image.Image:
    """Return the photo: exposure, white balance, a little fall-off to the corners."""
    exposure = rng.uniform(0.95, 1.04)
    warmth = rng.normal(0.0, 0.012)
    balance = np.array([1 + warmth, 1.0, 1 - warmth], dtype=np.float32) * np.float32(exposure)
    y, x = np.mgrid[-1 : 1 : canvas.shape[0] * 1j, -1 : 1 : canvas.shape[1] * 1j]
    falloff = (1.0 - 0.05 * (x * x + y * y)).astype(np.float32)
    levels = np.clip(canvas * balance * falloff[:, :, None], 0.0, 1.0) * 255.0
    image = Image.fromarray(np.uint8(np.rint(levels)))
    return image.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.LANCZOS)
