"""Cursors: the rest of a search's candidates in a string, so that the next page is of that search.

The service keeps nothing. A cursor holds what comes next, and what made the embeddings; it is
base64 of deflated BSON, and is checked when it comes back. It is not signed: a forged one shows
items by their ids, as `GET /items/<id>` does.
"""

import base64
import binascii
import math
import re
import zlib
from dataclasses import dataclass
from typing import Any

import bson
from bson.errors import BSONError

from app.bson_values import decode_document, encode_document
from app.composed.candidates import Candidate
from app.composed.query import MAX_COMPARED
from app.errors import BadRequest

_VERSION = 2
# Deflate may stand for a thousand times its bytes.
_MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a search goes on.

    Attributes:
        path: of the vectors that were compared; any index over them goes on.
        embedded_by: fingerprint of what made the embeddings of the query and of the candidates.
        has_groups: whether the candidates are the best of groups.
        has_units: whether the scores stand for probabilities of a match, see `units`.
        is_all: whether nothing comes behind the candidates; else the search looked no further.
        candidates: what comes next, best first, at most 1,000.
    """

    path: str
    embedded_by: str
    has_groups: bool
    has_units: bool
    is_all: bool
    candidates: tuple[Candidate, ...]


def write_cursor(cursor: Cursor) -> str | None:
    """Return a cursor as text for a URL or JSON; None where nothing comes next."""
    if not cursor.candidates:
        return None
    content = {
        "version": _VERSION,
        "path": cursor.path,
        "embedded_by": cursor.embedded_by,
        "has_groups": cursor.has_groups,
        "has_units": cursor.has_units,
        "is_all": cursor.is_all and len(cursor.candidates) <= MAX_COMPARED,
        "candidates": [
            [one.item_id, one.score, list(one.near_identical), one.members]
            for one in cursor.candidates[:MAX_COMPARED]
        ],
    }
    deflated = zlib.compress(encode_document(content))
    return base64.urlsafe_b64encode(deflated).decode("ascii")


def read_cursor(text: str) -> Cursor:
    """Return the cursor that `write_cursor` wrote.

    Raises:
        BadRequest: the text is none.
    """
    try:
        deflated = base64.b64decode(text, altchars=b"-_", validate=True)
        return _checked(decode_document(_inflated(deflated)))
    except (binascii.Error, zlib.error, BSONError, KeyError, TypeError, ValueError) as error:
        raise BadRequest(
            "cursor is none that this service has written; expected that of an answer, unchanged."
        ) from error


def _inflated(deflated: bytes) -> bytes:
    inflating = zlib.decompressobj()
    content = inflating.decompress(deflated, _MAX_BYTES)
    if not inflating.eof or inflating.unused_data:  # cut short, too long, or something behind it
        raise ValueError(len(deflated))
    return content


def _checked(content: dict[str, Any]) -> Cursor:
    path, embedded_by, candidates = (
        content[name] for name in ("path", "embedded_by", "candidates")
    )
    is_ours = (
        content["version"] == _VERSION
        and isinstance(path, str)
        and isinstance(embedded_by, str)
        and isinstance(candidates, list)
        and len(candidates) <= MAX_COMPARED
    )
    if not is_ours:
        raise ValueError(content)
    return Cursor(
        path,
        embedded_by,
        content["has_groups"] is True,
        content["has_units"] is True,
        content["is_all"] is True,
        tuple(map(_candidate, candidates)),
    )


def _candidate(entry: Any) -> Candidate:
    item_id, score, near_identical, members = entry
    is_score = isinstance(score, float) and math.isfinite(score)
    if not _is_id(item_id) or not is_score or not isinstance(members, int):
        raise ValueError(entry)
    return Candidate(item_id, score, tuple(near_identical), members)


def _is_id(value: Any) -> bool:
    """Tell ids from what would be a pattern or an operator among the values of an `$in`."""
    if isinstance(value, dict):
        return not any(name.startswith("$") for name in value)
    return not isinstance(value, bson.Regex | re.Pattern | list)
