"""Ask for similar items from the command line and print them as a table.

Example:
    python -m scripts.search_gallery --image photo.jpg --limit 5 --filter '{"category": "dress"}'
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from app.config import Settings
from app.db import connect
from app.embedding import load_embedder
from app.embedding.base import Embedder
from app.embedding.images import read_image
from app.filter_parser import parse_filter
from app.hits import Answer
from app.index_care.tuning import tuned
from app.indexes import SearchIndex, read_index_file
from app.lexical_indexes import lexical_index
from app.routes.parsing import parse_item_id, parse_json, parse_limit
from app.routes.serialization import to_json
from app.service import check_dimensions
from app.similar import SimilarItems
from scripts._cli import run

_COLUMNS = ("category", "color", "price", "title")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, search, print."""
    arguments = _parser().parse_args(argv)
    settings = Settings.from_env()
    index = tuned(read_index_file(settings.index_file), settings.tuning_file)
    lexical = lexical_index(index, settings.lexical_index_file)
    embedder = load_embedder(
        settings.model, vector_type=index.vector_type, precision=settings.model_precision
    )
    check_dimensions(embedder, index, settings)
    collection = connect(settings)
    similar = SimilarItems(
        collection,
        index,
        embedder,
        lexical,
        max_time_ms=settings.max_time_ms,
        where=settings.database_label,
    )
    try:
        answer = _answer(similar, embedder, index, arguments, settings)
    finally:
        collection.database.client.close()
    if answer.note is not None:
        print(answer.note, file=sys.stderr)
    print(_as_json(answer) if arguments.json else _as_table(answer))
    return 0


def _answer(
    similar: SimilarItems,
    embedder: Embedder,
    index: SearchIndex,
    arguments: argparse.Namespace,
    settings: Settings,
) -> Answer:
    limit, condition = parse_limit(arguments.limit), None
    if arguments.filter is not None:
        condition = parse_filter(parse_json(arguments.filter, "--filter"), index.filter_types)
    if arguments.id is not None:
        item_id = parse_item_id(arguments.id, settings.id_type)
        return similar.to_item(item_id, limit=limit, condition=condition)
    if arguments.image is not None:
        image = read_image(arguments.image, max_pixels=settings.max_image_pixels)
        embedder.load()
        return similar.to_image(image, limit=limit, condition=condition)
    embedder.load()
    return similar.to_text(arguments.text, limit=limit, condition=condition)


def _as_json(answer: Answer) -> str:
    return json.dumps(
        [
            {"id": to_json(hit.item_id), "score": hit.score, "item": to_json(hit.document)}
            for hit in answer.hits
        ]
    )


def _as_table(answer: Answer) -> str:
    rows = [["score", "id", *_COLUMNS]]
    rows += [
        [f"{hit.score:.4f}", str(hit.item_id)]
        + [str(to_json(hit.document.get(column, ""))) for column in _COLUMNS]
        for hit in answer.hits
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.search_gallery",
        description="Print the items most similar to a picture, a text or an item.",
        epilog="example: python -m scripts.search_gallery --image photo.jpg --limit 5",
    )
    query = parser.add_mutually_exclusive_group(required=True)
    query.add_argument("--image", type=Path, metavar="FILE", help="a picture")
    query.add_argument(
        "--text", help="a sentence, for a model with a text tower or an index of words"
    )
    query.add_argument("--id", help="an item of the gallery")
    parser.add_argument("--limit", default="10", help="hits wanted, 1 to 100 (default: 10)")
    parser.add_argument("--filter", metavar="JSON", help="MQL on the index's filterable fields")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(run(main, log_level="WARNING"))
