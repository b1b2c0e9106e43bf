"""Small galleries on disk, a picture a colour, and good and bad files."""

import io
from pathlib import Path

from PIL import Image

COLORS = ("red", "green", "blue", "yellow", "black", "white", "orange", "purple", "brown", "pink")


def png(color: str | tuple[int, int, int] = "red") -> bytes:
    """Return a small plain picture as the bytes of a file."""
    file = io.BytesIO()
    Image.new("RGB", (24, 16), color).save(file, "PNG")
    return file.getvalue()


def save_picture(path: Path, color: str | tuple[int, int, int] = "red") -> Path:
    """Write a small plain PNG, whatever the suffix, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(color))
    return path


def save_gallery(root: Path, count: int = 10) -> list[str]:
    """Write `count` different pictures in two classes; return their ids in order of reading."""
    names = [f"{('dress', 'shirt')[i % 2]}/{i:03}.png" for i in range(count)]
    for i, name in enumerate(names):
        save_picture(root / name, (i * 37 % 256, i * 91 % 256, (i * 53 + 7) % 256))
    return sorted(names)
