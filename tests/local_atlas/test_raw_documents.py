"""Documents on their way into the store, byte by byte."""

from typing import Any

import bson
import pytest
from bson import Decimal128, Int64, ObjectId, Regex, Timestamp
from bson.binary import Binary
from bson.code import Code
from bson.datetime_ms import DatetimeMS

from app.local_atlas.errors import CommandError, ProtocolError
from app.local_atlas.mql.rows import decode
from app.local_atlas.raw_documents import (
    check_id,
    check_levels,
    check_storable,
    decode_checked,
    embedded_document,
    with_id_first,
    with_id_of,
)

ONE_OF_EACH: dict[str, Any] = {
    "double": 1.5,
    "string": "é",
    "document": {"_id": "not this one"},
    "array": [1, {"_id": 2}],
    "binary": Binary(b"ab", 5),
    "old binary": Binary(b"ab", 2),
    "object id": ObjectId(),
    "bool": False,
    "date": DatetimeMS(0),
    "null": None,
    "regex": Regex("a", "ims"),
    "code": Code("f"),
    "scope": Code("f", {"a": 1}),
    "int32": 1,
    "timestamp": Timestamp(1, 1),
    "int64": Int64(1),
    "decimal": Decimal128("1"),
    "min": bson.MinKey(),
    "max": bson.MaxKey(),
}
DEPRECATED = {  # types that today's drivers read but do not write
    "undefined": b"\x06x\0",
    "symbol": b"\x0ex\0\x02\0\0\0a\0",
    "pointer": b"\x0cx\0\x02\0\0\0a\0" + bytes(12),
}


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_id_is_found_behind_a_value_of_every_type(name: str) -> None:
    document = {name: ONE_OF_EACH[name], "_id": 7, "z": 1}

    raw, moved = with_id_first(bson.encode(document), decode(bson.encode(document)))

    assert raw == bson.encode({"_id": 7, name: ONE_OF_EACH[name], "z": 1})
    assert list(moved) == ["_id", name, "z"]


@pytest.mark.parametrize("element", DEPRECATED.values(), ids=DEPRECATED)
def test_id_is_found_behind_a_value_of_a_deprecated_type(element: bytes) -> None:
    rest = b"\x10_id\0\7\0\0\0"
    raw = (4 + len(element + rest) + 1).to_bytes(4, "little") + element + rest + b"\0"

    moved, _ = with_id_first(raw, decode(raw))

    assert moved == raw[:4] + rest + element + b"\0"


def test_document_with_its_id_in_front_is_left_alone() -> None:
    document = {"_id": 1, **ONE_OF_EACH}
    raw = bson.encode(document)

    assert with_id_first(raw, document) == (raw, document)


def test_missing_id_becomes_an_object_id() -> None:
    raw, document = with_id_first(bson.encode({"a": 1}), {"a": 1})

    assert decode(raw) == document
    assert isinstance(document["_id"], ObjectId)


def test_id_of_another_document_is_taken_with_its_type() -> None:
    owner = bson.encode({"_id": Int64(5), "b": 2})

    assert with_id_of(bson.encode({"a": 1}), owner) == bson.encode({"_id": Int64(5), "a": 1})


def test_embedded_document_is_cut_out_as_it_is() -> None:
    raw = bson.encode({"q": {"_id": 1}, "u": ONE_OF_EACH, "multi": False})

    assert embedded_document(raw, "u") == bson.encode(ONE_OF_EACH)


def test_invalid_bson_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="not valid BSON"):
        decode_checked(bson.encode({"a": 1})[:-2] + b"\0")


@pytest.mark.parametrize(
    ("value", "code"), [([1], 53), (Regex("a"), 53), ({"$a": 1}, 52)], ids=["array", "regex", "$"]
)
def test_value_that_cannot_be_an_id_is_refused(value: Any, code: int) -> None:
    with pytest.raises(CommandError) as refused:
        check_id(value)

    assert refused.value.code == code


@pytest.mark.parametrize("value", [None, 1, "a", {"a": 1}, b"x", True], ids=repr)
def test_other_values_can_be_ids(value: Any) -> None:
    check_id(value)


def test_document_over_16_mebibytes_is_refused() -> None:
    check_storable(bytes(16 * 1024 * 1024), {})

    with pytest.raises(CommandError) as refused:
        check_storable(bytes(16 * 1024 * 1024 + 1), {})

    assert refused.value.code == 10334


def nested(levels: int, *, in_arrays: bool) -> dict[str, Any]:
    """A document of that many levels, itself counted."""
    value: Any = 1
    for _ in range(levels - 1):
        value = [value] if in_arrays else {"a": value}
    return {"a": value}


@pytest.mark.parametrize("in_arrays", [False, True], ids=["documents", "arrays"])
def test_document_of_more_than_180_levels_is_refused(in_arrays: bool) -> None:
    good, bad = nested(180, in_arrays=in_arrays), nested(181, in_arrays=in_arrays)
    check_storable(bson.encode(good), good)

    with pytest.raises(CommandError) as refused:
        check_storable(bson.encode(bad), bad)

    assert refused.value.code == 15


def test_document_with_many_arrays_side_by_side_is_not_deep() -> None:
    document = {str(i): [{}] for i in range(300)}

    check_storable(bson.encode(document), document)


@pytest.mark.parametrize("levels", [201, 5000])
def test_command_of_more_than_200_levels_is_refused(levels: int) -> None:
    check_levels(raw_nested(200), decode_checked(raw_nested(200)), 200)

    with pytest.raises(CommandError) as refused:
        check_levels(raw_nested(levels), decode_checked(raw_nested(levels)), 200)

    assert refused.value.code == 15


def raw_nested(levels: int) -> bytes:
    """The same, deeper than any encoder goes."""
    raw = bson.encode({})
    for _ in range(levels - 1):
        raw = (len(raw) + 8).to_bytes(4, "little") + b"\x03a\0" + raw + b"\0"
    return raw
