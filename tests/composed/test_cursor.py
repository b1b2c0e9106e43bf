import base64
import uuid
import zlib

import pytest
from bson import ObjectId, Regex

from app.bson_values import encode_document
from app.composed.candidates import Candidate
from app.composed.cursor import Cursor, read_cursor, write_cursor
from app.errors import BadRequest

CANDIDATES = (
    Candidate("a/1 é#?.jpg", 0.75, ("b", "c"), 3),
    Candidate(7, 0.1 + 0.2),
    Candidate(ObjectId("0" * 24), 0.5),
    Candidate(uuid.UUID(int=5), 0.25),
)


def written(**changes):
    """A cursor as a forger writes it."""
    content = {
        "version": 2,
        "path": "embedding",
        "embedded_by": "f",
        "has_groups": False,
        "has_units": False,
        "is_all": True,
        "candidates": [["a", 0.5, [], 1]],
        **changes,
    }
    return base64.urlsafe_b64encode(zlib.compress(encode_document(content))).decode()


def test_cursor_comes_back_as_it_was():
    cursor = Cursor("embedding", "f" * 64, True, True, False, CANDIDATES)

    assert read_cursor(write_cursor(cursor)) == cursor


def test_cursor_that_holds_not_all_candidates_says_so():
    many = tuple(Candidate(f"i{number}", 0.5) for number in range(1001))

    full = read_cursor(write_cursor(Cursor("embedding", "f", False, False, True, many[:1000])))
    cut = read_cursor(write_cursor(Cursor("embedding", "f", False, False, True, many)))

    assert (len(full.candidates), full.is_all) == (1000, True)
    assert (len(cut.candidates), cut.is_all) == (1000, False)


def test_nothing_that_comes_next_has_no_cursor():
    assert write_cursor(Cursor("embedding", "f", False, False, True, ())) is None


def test_cursor_as_a_forger_writes_it_would_be_read():
    assert read_cursor(written()).candidates == (Candidate("a", 0.5),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no base64!",
        "AAAA",
        base64.urlsafe_b64encode(zlib.compress(b"no BSON")).decode(),
        base64.urlsafe_b64encode(zlib.compress(bytes(10**8))).decode(),
        written()[:-8],
        base64.urlsafe_b64encode(base64.urlsafe_b64decode(written()) + b"more").decode(),
        written(version=1),
        written(path=1),
        written(embedded_by=None),
        written(candidates="all"),
        written(candidates=[["a", 0.5, [], 1]] * 1001),
        written(candidates=[["a", 0.5]]),
        written(candidates=[["a", "high", [], 1]]),
        written(candidates=[["a", float("nan"), [], 1]]),
        written(candidates=[["a", 0.5, 3, 1]]),
        written(candidates=[[Regex("."), 0.5, [], 1]]),
        written(candidates=[[{"$ne": 1}, 0.5, [], 1]]),
        written(candidates=[[["a"], 0.5, [], 1]]),
    ],
)
def test_cursor_that_is_none_is_refused(text):
    with pytest.raises(BadRequest, match="cursor is none"):
        read_cursor(text)
