"""Draw the small gallery that ships: pictures of clothes and their manifest.

The same seed gives the same manifest and, with the same Pillow and NumPy, the same bytes.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from PIL import Image
from tqdm import tqdm

from app.errors import ServiceError
from scripts._arguments import positive_integer
from scripts._cli import EXIT_DONE, run

DEFAULT_SEED = 7
WEBP_QUALITY = 85


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the gallery; see `--help`."""
    arguments = _parse(argv)
    from scripts.drawing.catalogue import make_items
    from scripts.drawing.picture import draw_picture

    items = make_items(arguments.seed)[: arguments.limit]
    folder, manifest = arguments.output / "gallery", arguments.output / "gallery.jsonl"
    _clear(folder, manifest, may_overwrite=arguments.overwrite)
    size_bytes = 0
    for item in tqdm(items, unit="picture", disable=None):
        path = folder / item.file_name
        with path.open("wb") as file:
            save_picture(draw_picture(item, arguments.seed), file)
        size_bytes += path.stat().st_size
    lines = [json.dumps(item.to_row(), ensure_ascii=False) for item in items]
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"Drew {len(items)} pictures ({size_bytes / 1e6:.2f} MB) and {manifest}.")
    return EXIT_DONE


def save_picture(picture: Image.Image, file: BinaryIO) -> None:
    """Write a picture as it ships."""
    picture.save(file, "WEBP", quality=WEBP_QUALITY, method=6)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.draw_demo_gallery",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python -m scripts.draw_demo_gallery --output demo --overwrite",
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="folder for gallery/ and gallery.jsonl"
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="default: %(default)s")
    parser.add_argument(
        "--limit", type=positive_integer, help="draw only the first so many items", metavar="N"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a gallery that is already there"
    )
    return parser.parse_args(argv)


def _clear(folder: Path, manifest: Path, *, may_overwrite: bool) -> None:
    """Make room for the gallery, keeping every file that is not a picture of a gallery.

    Raises:
        ServiceError: a gallery is there and may not be replaced.
    """
    old = [path for path in (manifest, *folder.glob("*.webp")) if path.exists()]
    if old and not may_overwrite:
        raise ServiceError(f"{old[0]} exists already; --overwrite replaces the gallery.")
    for path in old:
        path.unlink()
    folder.mkdir(parents=True, exist_ok=True)


if __name__ == "__main__":
    sys.exit(run(main))
