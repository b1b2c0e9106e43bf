"""Small galleries on disk, a picture a colour, and good and bad files."""

from pathlib import Path

from PIL import Image

COLORS = ("red", "green", "blue", "yellow", "black", "white", "orange", "purple", "brown", "pink")


def save_picture(path: Path, color: str | tuple[int, int, int] = "red") -> Path:
    """Write a small plain PNG, whatever the suffix, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 16), color).save(path, "PNG")
    return path


def save_gallery(root: Path, count: int = 10) -> list[str]:
    """Write `count` different pictures in two classes; return their ids in order of reading."""
    names = [f"{('dress', 'shirt')[i % 2]}/{i:03}.png" for i in range(count)]
    for i, name in enumerate(names):
        save_picture(root / name, (i * 37 % 256, i * 91 % 256, (i * 53 + 7) % 256))
    return sorted(names)
