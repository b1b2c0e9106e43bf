"""Rows of a pipeline: what is known of a stored document before it is decoded."""

import uuid
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson import Binary, Decimal128, Int64, ObjectId, Regex
from bson.raw_bson import RawBSONDocument

from app.local_atlas.mql import rows
from app.local_atlas.mql.paths import MISSING
from app.local_atlas.mql.rows import Row, decode

IDS: list[Any] = [
    "sku-1",
    "",
    "é\0x",
    7,
    Int64(7),
    2**40,
    1.5,
    None,
    True,
    ObjectId("5f0000000000000000000001"),
    Decimal128("1.5"),
    Binary.from_uuid(uuid.UUID(int=5)),
    Regex("a", "i"),
    {"a": 1, "_id": 2},
    datetime(2026, 1, 2, tzinfo=UTC),
]


@pytest.mark.parametrize("value", IDS, ids=repr)
@pytest.mark.parametrize("is_first", [True, False])
def test_an_id_is_that_of_the_decoded_document(value: Any, is_first: bool) -> None:
    document = {"_id": value, "v": [1.0] * 3} if is_first else {"v": [1.0] * 3, "_id": value}
    raw = bson.encode(document)

    found = Row(raw=raw).id

    assert found == decode(raw)["_id"]
    assert type(found) is type(decode(raw)["_id"])


def test_a_document_may_have_no_id() -> None:
    assert Row(raw=bson.encode({"_idx": 1})).id is MISSING
    assert Row(raw=bson.encode({})).id is MISSING
    assert Row(document={"a": 1}).id is MISSING


def test_a_changed_document_has_its_own_id() -> None:
    assert Row(raw=bson.encode({"_id": 1}), document={"_id": 2}).id == 2


@pytest.mark.parametrize("value", ["sku-1", 7, 2**40, ObjectId()], ids=repr)
def test_nothing_else_is_decoded_for_a_usual_id(
    value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Row(raw=bson.encode({"_id": value, "v": [1.0] * 512}))
    seen = []

    def watch(raw: bytes) -> dict[str, Any]:
        seen.append(RawBSONDocument(raw).keys())
        return decode(raw)

    monkeypatch.setattr(rows, "decode", watch)

    assert row.id == value
    assert [list(keys) for keys in seen] == [["_id"]]
