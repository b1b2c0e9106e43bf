"""`--report-duplicates` of `scripts.embed_gallery`: a file of the items that look almost alike."""

import json
import logging
from pathlib import Path
from threading import Event
from typing import Any

from pymongo.collection import Collection

from app.documents import shown_id
from app.errors import IndexNotReady, ServiceError
from app.indexes import SearchIndex
from app.ingest.line_files import check_place
from app.live_indexes import entry_problem, live_entries
from app.near_duplicates import NearPair, near_pairs

logger = logging.getLogger(__name__)

Documents = Collection[dict[str, Any]]

_KEYS = frozenset({"ids", "cosine"})


def check_report(path: Path, collection: Documents, index: SearchIndex) -> None:
    """Refuse, before hours of embedding, what could not be reported after them.

    Raises:
        ConfigError: no file can be written there, or there is one of another kind.
        IndexNotReady: there is no live index to find neighbours through.
    """
    check_place("--report-duplicates", path, _KEYS)
    problem = entry_problem(live_entries(collection), index, collection.full_name)
    if problem is not None:
        raise IndexNotReady(f"--report-duplicates searches through the index. {problem}")


def report_near_duplicates(
    path: Path, collection: Documents, index: SearchIndex, embedded_by: str, stop: Event
) -> int:
    """Write a line for each pair, and return how many there are.

    Raises:
        ServiceError: as `near_pairs`, or the file cannot be written.
    """
    pairs = 0
    try:
        with path.open("w", encoding="utf-8", buffering=1) as file:
            for pair in near_pairs(collection, index, embedded_by, should_stop=stop.is_set):
                file.write(_line(pair))
                pairs += 1
    except OSError as error:
        raise ServiceError(f"{path} cannot be written: {error.strerror}.") from error
    if stop.is_set():
        logger.warning("%s does not list all near-duplicates: the search was interrupted", path)
    return pairs


def _line(pair: NearPair) -> str:
    return json.dumps({"ids": [shown_id(one) for one in pair.ids], "cosine": pair.cosine}) + "\n"
