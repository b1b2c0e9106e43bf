"""Create the collection and its indexes where they are missing, and wait until they serve.

Example:
    python -m scripts.create_indexes atlas/gallery_knn.json atlas/gallery_vector.json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymongo.collection import Collection

from app.config import Settings
from app.db import connect, database_errors
from app.indexes import SearchIndex
from app.lexical_indexes import AnyIndex, read_any_index_file
from app.live_indexes import (
    apply_index,
    create_collection,
    create_ordinary_indexes,
    wait_until_queryable,
)
from scripts._arguments import seconds
from scripts._cli import run

Gallery = Collection[dict[str, Any]]
Report = dict[str, dict[str, str]]


def main(argv: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Parse, create, wait, report; settings are those of the environment where not given."""
    arguments = _parser().parse_args(argv)
    settings = settings or Settings.from_env()
    own = [one for one in (settings.index_file, settings.lexical_index_file) if one is not None]
    indexes = [read_any_index_file(path) for path in arguments.index_file or own]
    collection = connect(settings)
    try:
        with database_errors(settings.database_label):
            report = _create(collection, indexes, update=arguments.update)
            if not arguments.no_wait:
                for index in indexes:
                    waited_s = wait_until_queryable(collection, index, timeout_s=arguments.timeout)
                    print(f"{index.name} is queryable after {waited_s:.1f} s", file=sys.stderr)
    finally:
        collection.database.client.close()
    print(json.dumps(report) if arguments.json else _as_text(report))
    return 0


def _create(collection: Gallery, indexes: Sequence[AnyIndex], *, update: bool) -> Report:
    report = {"collection": {collection.full_name: _created(create_collection(collection))}}
    report["search indexes"] = {
        index.name: apply_index(collection, index, update=update) for index in indexes
    }
    is_new: dict[str, bool] = {}
    for index in (one for one in indexes if isinstance(one, SearchIndex)):
        for name, is_new_now in create_ordinary_indexes(collection, index).items():
            is_new[name] = is_new.get(name, False) or is_new_now
    report["ordinary indexes"] = {name: _created(new) for name, new in is_new.items()}
    return report


def _created(is_new: bool) -> str:
    return "created" if is_new else "unchanged"


def _as_text(report: Report) -> str:
    return "\n".join(
        f"{kind}: " + ", ".join(f"{name} {outcome}" for name, outcome in outcomes.items())
        for kind, outcomes in report.items()
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.create_indexes",
        description="Create the collection, the search indexes that files describe, and the "
        "ordinary indexes; a second run changes nothing.",
        epilog="example: python -m scripts.create_indexes atlas/gallery_vector.json --timeout 300",
    )
    parser.add_argument(
        "index_file",
        nargs="*",
        type=Path,
        help="index files (default: INDEX_FILE and LEXICAL_INDEX_FILE)",
    )
    parser.add_argument("--no-wait", action="store_true", help="do not wait until queryable")
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=600.0,
        metavar="S",
        help="seconds to wait (default: 600)",
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="replace a live index that has another definition; the old one serves meanwhile",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(run(main))
