"""Compare a model's vectors in bfloat16 with those in float32, on real photos.

Example:
    python -m scripts.check_precision --gallery photos/ --write
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from app.config import Settings
from app.embedding import checkpoint_folder, load_embedder
from app.embedding.checkpoints import read_manifest, write_manifest
from app.embedding.precision import MIN_COSINE, MIN_OVERLAP, NEIGHBOURS, PrecisionCheck
from app.embedding.precision_check import check_on_photos, spread
from app.errors import ConfigError
from app.ingest.folder import READ_SUFFIXES
from scripts._arguments import positive_integer
from scripts._cli import EXIT_DONE, EXIT_FAILED, run

# Of fewer, a picture's ten nearest are most of what there is, and so the same in any numbers.
FEWEST_WRITTEN = 100


def main(argv: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Parse, embed twice, compare, report; settings of the environment where not given."""
    arguments = _parse(argv)
    settings = settings or Settings.from_env()
    model = arguments.model or settings.model
    folder = checkpoint_folder(model) if arguments.write else None
    check = _check(model, arguments.gallery, arguments.limit)
    if folder is not None and check.pictures < FEWEST_WRITTEN:
        raise ConfigError(
            f"--write: {check.pictures} pictures do not decide for a model; expected "
            f"{FEWEST_WRITTEN} or more that can be read. Nothing is written."
        )
    if folder is not None:
        write_manifest(folder, replace(read_manifest(folder), bf16=check.rounded()))
    print(_as_json(model, check) if arguments.json else _as_sentences(model, check))
    return EXIT_DONE if check.is_safe else EXIT_FAILED


def _check(model: str, gallery: Path, limit: int | None) -> PrecisionCheck:
    exact, reduced = (load_embedder(model, precision=one) for one in ("fp32", "bf16"))
    paths = sorted(path for path in gallery.rglob("*") if path.suffix.lower() in READ_SUFFIXES)
    check = check_on_photos(exact, reduced, spread(paths, limit) if limit else paths)
    if check is None:
        found = f"{min(len(paths), limit or len(paths))} of its {len(paths)} pictures were taken"
        raise ConfigError(
            f"--gallery {gallery}: {found}; expected {NEIGHBOURS + 1} or more that can be read."
        )
    return check


def _as_json(model: str, check: PrecisionCheck) -> str:
    return json.dumps({"model": model, **asdict(check), "is_safe": check.is_safe})


def _as_sentences(model: str, check: PrecisionCheck) -> str:
    verdict = "safe" if check.is_safe else "not safe: MODEL_PRECISION=fp32 is the setting"
    return (
        f"{model} in bf16, {check.pictures:,} pictures: cosine to fp32 at least "
        f"{check.min_cosine:.5f} (limit {MIN_COSINE}), overlap@{NEIGHBOURS} "
        f"{check.overlap_at_10:.4f} (limit {MIN_OVERLAP}): {verdict}"
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.check_precision",
        description="Embed pictures in float32 and in bfloat16 and compare: the cosine between a "
        "picture's two vectors, and how many of its ten nearest others stay the same. Exit code 1 "
        "where bfloat16 changes more than it may.",
        epilog="example: python -m scripts.check_precision --gallery photos/ --write",
    )
    add = parser.add_argument
    add("--gallery", type=Path, required=True, metavar="FOLDER", help="a folder of photos")
    add("--model", help="instead of MODEL: clothing, clip, or either with :<folder>")
    add("--limit", type=positive_integer, metavar="N", help="take N photos, spread evenly")
    add(
        "--write",
        action="store_true",
        help=f"write what was found, on {FEWEST_WRITTEN} pictures or more, into the manifest of a "
        "clothing model, which decides by it",
    )
    add("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
