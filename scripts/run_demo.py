"""Embed a gallery, index it, and serve it: everything in one go.

Example:
    python -m scripts.run_demo --gallery photos/
"""

import argparse
import dataclasses
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from app.config import PROJECT_ROOT, Settings
from app.errors import ConfigError
from app.indexes import SearchIndex, read_index_file
from app.ingest.reader import open_gallery
from app.lexical_indexes import lexical_index
from scripts import create_indexes, embed_gallery
from scripts._cli import EXIT_INTERRUPTED, run
from scripts.serve_app import listen, serve

WORDS_FILE = PROJECT_ROOT / "atlas" / "gallery_hybrid_text.json"
SHIPPED_GALLERY = PROJECT_ROOT / "demo" / "gallery.jsonl"


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, embed what is not there yet, create the index, serve until interrupted."""
    arguments = _parser().parse_args(argv)
    settings = demo_settings(Settings.from_env(), arguments.gallery)
    with listen(settings.host, settings.port) as listener:  # a used port is told before the work
        code = embed_gallery.main(["--gallery", str(arguments.gallery)], settings)
        if code == EXIT_INTERRUPTED:
            return code
        create_indexes.main([], settings)
        serve(settings, listener)
    return 0


def demo_settings(settings: Settings, gallery: Path) -> Settings:
    """Return settings of a collection of this gallery's own, its pictures at the gallery's root.

    An index of words goes with it, where none is set and that which ships fits.

    Raises:
        ConfigError: there is no gallery at this path.
    """
    index = read_index_file(settings.index_file)
    root = open_gallery(gallery, index, settings.id_type).root
    assert root is not None  # a path is on this machine
    digest = hashlib.sha256(str(gallery.resolve()).encode()).hexdigest()
    name = "demo" if gallery.resolve() == SHIPPED_GALLERY else f"demo_{digest[:8]}"
    words_file = settings.lexical_index_file or _words_beside(index)
    return dataclasses.replace(
        settings, collection=name, gallery_root=root, lexical_index_file=words_file
    )


def _words_beside(index: SearchIndex) -> Path | None:
    if lexical_index(index, None) is not None:
        return None
    try:
        lexical_index(index, WORDS_FILE)
    except ConfigError:  # the index has other fields than the galleries' own
        return None
    return WORDS_FILE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.run_demo",
        description="Embed a gallery into a collection of its own, index it, and serve it.",
        epilog="example: python -m scripts.run_demo --gallery photos/",
    )
    parser.add_argument(
        "--gallery",
        type=Path,
        default=SHIPPED_GALLERY,
        metavar="PATH",
        help="a folder of pictures or a manifest (default: the gallery that ships)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(run(main))
