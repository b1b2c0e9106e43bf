"""The palette: what a colour is called, what it looks like, and how colours mix."""

import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.float32]
"""(3,) sRGB from 0 to 1."""


def rgb(code: str) -> Colour:
    """Return the colour of a hexadecimal code such as `1d2b4f`."""
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], dtype=np.float32) / 255.0


PALETTE = {
    "black": rgb("26262a"),
    "white": rgb("f1efea"),
    "grey": rgb("92959b"),
    "navy": rgb("26335a"),
    "blue": rgb("3a6db5"),
    "light blue": rgb("a3c4e3"),
    "teal": rgb("1f7c80"),
    "green": rgb("2f7d4f"),
    "olive": rgb("74754a"),
    "mint": rgb("a9d8c0"),
    "yellow": rgb("eec548"),
    "mustard": rgb("c8962e"),
    "orange": rgb("dd7436"),
    "red": rgb("c23138"),
    "burgundy": rgb("6f2336"),
    "pink": rgb("e9a3b4"),
    "purple": rgb("6c4b91"),
    "lilac": rgb("bda9d6"),
    "brown": rgb("744a31"),
    "camel": rgb("bd9160"),
    "beige": rgb("d9c7a9"),
}


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return `one` with a share (0 to 1) of `other` in it."""
    mixed: Colour = one + (other - one) * np.float32(share)
    return mixed


def darker(colour: Colour, share: float) -> Colour:
    """Return the colour with a share of its light taken; its hue grows a little richer."""
    dark: Colour = np.clip(colour * np.float32(1.0 - share) - np.float32(0.02 * share), 0.0, 1.0)
    return dark


def lighter(colour: Colour, share: float) -> Colour:
    """Return the colour moved towards white by a share."""
    return mix(colour, np.ones(3, dtype=np.float32), share)


def brightness(colour: Colour) -> float:
    """Return how bright a colour looks, 0 to 1 (ITU-R BT.709 weights)."""
    return float(colour @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32))


def contrasting(colour: Colour) -> Colour:
    """Return an off-white for dark colours, a dark navy for light ones."""
    return rgb("f3efe6") if brightness(colour) < 0.55 else rgb("2c3350")
