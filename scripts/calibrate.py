"""Find out what the cosines of a model are worth, and store that with the model.

Example:
    python -m scripts.calibrate --gallery photos/validation
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from app.calibration.calibrating import calibrate
from app.calibration.calibration import Calibration
from app.calibration.files import write_calibration
from app.calibration.gallery import judged_pictures, labelled_pictures
from app.calibration.pair_files import read_pairs
from app.calibration.pairs import PairSource
from app.calibration.report import JUDGED, in_words
from app.config import Settings
from app.embedding import load_embedder
from app.embedding.base import Embedder
from app.errors import ConfigError
from app.indexes import VectorType, read_index_file
from app.ingest.reader import open_gallery
from scripts._arguments import positive_integer
from scripts._cli import EXIT_DONE, run

DEFAULT_LABEL = "category"


def main(argv: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Parse, embed, fit, measure, store; settings of the environment where not given."""
    arguments = _parse(argv)
    settings = settings or Settings.from_env()
    model = arguments.model or settings.model
    embedder = load_embedder(model, precision=settings.model_precision)
    folder = _folder(embedder)
    source = _source(arguments, settings, embedder)
    calibration = calibrate(
        source,
        fingerprints=_fingerprints(model),
        match=JUDGED if arguments.pairs is not None else arguments.label or DEFAULT_LABEL,
        seed=arguments.seed,
    )
    path = None if arguments.dry_run else write_calibration(folder, calibration)
    if arguments.json:
        print(json.dumps(_report(calibration, embedder, path)))
    else:
        stored = "not stored (--dry-run)" if path is None else f"stored in {path}"
        print(f"{embedder.name}: {in_words(calibration)}\n{stored}")
    return EXIT_DONE


def _folder(embedder: Embedder) -> Path:
    if embedder.folder is None:
        raise ConfigError(
            f"{embedder.name} lies in the hub's cache, where no calibration can be stored; "
            f"expected a model in a folder of its own (--model clip:<folder>)."
        )
    return embedder.folder


def _source(arguments: argparse.Namespace, settings: Settings, embedder: Embedder) -> PairSource:
    judged = read_pairs(arguments.pairs) if arguments.pairs is not None else None
    index = read_index_file(settings.index_file)
    rows = open_gallery(arguments.gallery, index, settings.id_type).rows()
    max_pixels = settings.max_image_pixels
    if judged is not None:
        return judged_pictures(rows, embedder, judged, max_pixels=max_pixels)
    return labelled_pictures(
        rows,
        embedder,
        label=arguments.label or DEFAULT_LABEL,
        limit=arguments.limit,
        seed=arguments.seed,
        max_pixels=max_pixels,
    )


def _fingerprints(model: str) -> tuple[str, ...]:
    types: tuple[VectorType, ...] = get_args(VectorType)
    return tuple(load_embedder(model, vector_type=one).fingerprint for one in types)


def _report(calibration: Calibration, embedder: Embedder, path: Path | None) -> dict[str, Any]:
    cosine = calibration.cosine_at(0.5)
    return {
        "model": embedder.name,
        **asdict(calibration),
        "no_good_match_below": {"cosine": round(cosine, 4), "score": round((1 + cosine) / 2, 4)},
        "stored": str(path) if path is not None else None,
    }


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.calibrate",
        description="Fit from pairs of pictures where 'no good match' begins for a model, and "
        "store it in the model's folder: min_score of POST /search is in these units. A gallery "
        "with labels gives the pairs, of each picture its nearest of the same label and its "
        "nearest of another; or a file says which pairs match. The pictures must be none that the "
        "model was trained on.",
        epilog="example: python -m scripts.calibrate --gallery photos/validation",
    )
    add = parser.add_argument
    add(
        "--gallery",
        required=True,
        metavar="PATH",
        help="class folders, or a manifest, here or in a bucket",
    )
    add("--model", help="instead of MODEL: clothing, or clothing:<folder> or clip:<folder>")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--label",
        metavar="FIELD",
        help=f"the field in which pictures that match are equal (default: {DEFAULT_LABEL})",
    )
    what.add_argument(
        "--pairs",
        type=Path,
        metavar="FILE",
        help=".csv or .jsonl with a, b (ids of the gallery) and match (true or false)",
    )
    add("--limit", type=positive_integer, metavar="N", help="take N labelled pictures, at random")
    add("--seed", type=int, default=0, metavar="N", help="of that choice, and of the halves")
    add("--dry-run", action="store_true", help="store nothing")
    add("--json", action="store_true", help="print the report as JSON")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
