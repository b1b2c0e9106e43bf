"""Pages of hits: candidates with their documents, of a search or of a cursor."""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from app.bson_values import encode_value
from app.calibration import Calibration
from app.composed.answer import ComposedAnswer, ComposedHit
from app.composed.candidates import Candidate, projection
from app.composed.cursor import Cursor, read_cursor, write_cursor
from app.composed.query import check_fields, check_limit
from app.composed.units import Units, units_of_model
from app.composed.wants import Find, ReadState, Want
from app.data_state import DataState
from app.errors import BadRequest
from app.indexes import SearchIndex


def page_steps(
    text: str,
    index: SearchIndex,
    calibration: Calibration | None,
    *,
    limit: int,
    fields: Sequence[str] | None,
) -> Generator[Want, Any, ComposedAnswer]:
    """Yield what the next page wants, be sent it, and return the page.

    The candidates are those of the search; their documents are read anew, and those that are gone
    or of another model by now are left out.

    Args:
        text: a cursor.
        index: that is asked.
        calibration: the model's, None where it has none.
        limit: hits wanted.
        fields: as in `ComposedQuery`.

    Raises:
        BadRequest: the cursor is none, or of other vectors or of a model that has no embeddings
            left; or limit or fields cannot be used.
    """
    check_limit(limit)
    if fields is not None:
        check_fields(fields, index)
    cursor = read_cursor(text)
    start_s = time.perf_counter()
    state: DataState = yield ReadState()
    if cursor.path != index.path or cursor.embedded_by not in state.fingerprints:
        raise BadRequest(
            f"cursor is of the vectors at {cursor.path} and model {cursor.embedded_by[:12]}, which "
            f"are not those that answer now; expected the search anew, without it."
        )
    units = None
    if cursor.has_units:
        units = units_of_model(calibration, index, cursor.embedded_by)
    hits = yield from hits_of(cursor, limit, fields, index, units)
    rest = replace(cursor, candidates=cursor.candidates[limit:])
    took_ms = (time.perf_counter() - start_s) * 1000
    return ComposedAnswer(
        hits, _shortfall(len(hits), limit, rest), write_cursor(rest), 0.0, took_ms
    )


def hits_of(
    cursor: Cursor,
    limit: int,
    fields: Sequence[str] | None,
    index: SearchIndex,
    units: Units | None,
) -> Generator[Want, Any, list[ComposedHit]]:
    """Return the next hits with their documents; what was deleted since the search is left out."""
    page = cursor.candidates[:limit]
    if not page:
        return []
    still = {
        "_id": {"$in": [one.item_id for one in page]},
        index.embedded_by_path: cursor.embedded_by,
    }
    found = yield Find(still, projection(fields, index))
    documents = {encode_value(document["_id"]): document for document in found}
    return [
        _hit(one, documents[encode_value(one.item_id)], cursor, units)
        for one in page
        if encode_value(one.item_id) in documents
    ]


def _hit(
    candidate: Candidate, document: dict[str, Any], cursor: Cursor, units: Units | None
) -> ComposedHit:
    return ComposedHit(
        candidate.item_id,
        candidate.score,
        document,
        units.probability(candidate.score) if units is not None else None,
        candidate.near_identical,
        candidate.members if cursor.has_groups else None,
    )


def _shortfall(hits: int, limit: int, rest: Cursor) -> str | None:
    if hits >= limit:
        return None
    if rest.candidates:
        return f"{hits} of {limit} hits: the others of this page are gone since the search."
    if rest.is_all:
        return f"{hits} of {limit} hits: there are no more."
    return f"{hits} of {limit} hits: the search looked no further; num_candidates lets it."
