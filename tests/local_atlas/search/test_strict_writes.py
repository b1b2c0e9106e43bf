"""A strict server refuses every write of which an index would pass something over."""

import math
from pathlib import Path
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64, Regex
from pymongo import InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure

from app.local_atlas.options import ServerOptions
from tests.local_atlas.nodes import serving
from tests.local_atlas.search.asking import (
    Documents,
    create_index,
    ids,
    indexed,
    search_definition,
    vector_definition,
    vector_search,
)
from tests.local_atlas.search.test_ingestion import ARRAYS, VALUES
from tests.local_atlas.search.test_scores import as_bits, as_float32, as_int8

KNN = {"type": "knnVector", "dimensions": 2, "similarity": "euclidean"}


def refused(collection: Documents, document: dict[str, Any]) -> str:
    """Return the text with which an insert is refused; nothing of the document is stored."""
    with pytest.raises(OperationFailure) as failure:
        collection.insert_one(document)
    assert failure.value.code == 121
    assert failure.value.details is not None
    assert collection.count_documents({"_id": document["_id"]}) == 0
    return str(failure.value.details["errmsg"])


@pytest.mark.parametrize(("value", "is_indexed"), VALUES)
@pytest.mark.parametrize("kind", ["vectorSearch", "search"])
def test_exactly_what_an_index_skips_is_refused(
    strict_db: Database[dict[str, Any]], value: Any, is_indexed: bool, kind: str
) -> None:
    definition = (
        search_definition("cosine") if kind == "search" else vector_definition(similarity="cosine")
    )
    collection = indexed(strict_db.c, [], definition)

    is_int8 = isinstance(value, Binary) and value.subtype == 9 and value[:1] == b"\x03"
    if is_indexed or value is None or is_int8:  # int8 has an index of its own
        collection.insert_one({"_id": 1, "v": value})
    else:
        assert ": v " in refused(collection, {"_id": 1, "v": value})
    found = vector_search(collection, queryVector=as_int8([1, 2]) if is_int8 else [1, 2])
    assert ids(found) == ([1] if is_indexed or is_int8 else [])


REASONS = [
    pytest.param({}, [1], "has 1 dimensions, and the index wants 2", id="length"),
    pytest.param({}, as_float32([1]), "has 1 dimensions, and the index wants 2", id="BinData"),
    pytest.param({}, [1, "2"], "is no vector: element 1 is of type string", id="element"),
    pytest.param({}, "1, 2", "is of type string, and no vector", id="string"),
    pytest.param({}, {"x": 1}, "is of type object, and no vector", id="document"),
    pytest.param({}, Int64(3), "is of type long, and no vector", id="number"),
    pytest.param({}, b"abc", "is of type binData, and no vector", id="other binary"),
    pytest.param({}, [0, math.nan], "is not finite as float32 at position 1", id="NaN"),
    pytest.param({}, [1e39, 0], "is not finite as float32 at position 0", id="narrowed"),
    pytest.param(
        {},
        Binary(b"\x27\x01" + b"\0" * 8, 9),
        "is no vector: Padding should be zero",
        id="padding",
    ),
    pytest.param(
        {},
        Binary(b"\x99\x00" + b"\0" * 8, 9),
        "is no vector: Unsupported vector subtype found",
        id="element type",
    ),
    pytest.param(
        {"similarity": "cosine"}, [0, 0], "is a zero vector, which cosine cannot compare", id="zero"
    ),
    pytest.param(
        {"quantization": "scalar"},
        as_int8([1, 2]),
        "is int8, and the index is quantized, which takes float32 only",
        id="int8 quantized",
    ),
    pytest.param(
        {"numDimensions": 8, "quantization": "binary"},
        as_bits([1] * 8),
        "is packed_bit, and the index is quantized, which takes float32 only",
        id="bits quantized",
    ),
    pytest.param(
        {"numDimensions": 8, "similarity": "dotProduct"},
        as_bits([1] * 8),
        "is packed_bit, which dotProduct cannot compare",
        id="bits under dotProduct",
    ),
    pytest.param(
        {}, [[1, 2], [3, 4]], "holds a second vector, and only the first one is indexed", id="two"
    ),
    pytest.param({}, [["x"], [3, 4]], "is no vector: element 0 is of type string", id="inner"),
    pytest.param({}, [None, 5, [3, 4]], "is of type int, and no vector", id="beside"),
    pytest.param({}, [[1], [3, 4]], "has 1 dimensions, and the index wants 2", id="blocked"),
]


@pytest.mark.parametrize(("options", "value", "reason"), REASONS)
def test_refusal_names_id_index_path_and_reason(
    strict_db: Database[dict[str, Any]], options: dict[str, Any], value: Any, reason: str
) -> None:
    collection = strict_db.c
    strict_db.create_collection("c")
    create_index(collection, vector_definition(**options), name="nearest")

    assert refused(collection, {"_id": "sku-1", "v": value}) == (
        'The document with _id "sku-1" would not be indexed as it is by search index '
        f"'nearest': v {reason}."
    )


@pytest.mark.parametrize(("value", "score"), ARRAYS)
def test_arrays_of_vectors_are_taken_where_all_of_them_is_indexed(
    strict_db: Database[dict[str, Any]], value: Any, score: float | None
) -> None:
    collection = indexed(strict_db.c, [], vector_definition())

    if value == [[[1, 2]]]:
        collection.insert_one({"_id": 1, "v": value})
        assert ids(vector_search(collection)) == [1]
    else:
        refused(collection, {"_id": 1, "v": value})


@pytest.mark.parametrize(
    "document",
    [{"a": [{"v": [1, 0]}]}, {"v": [[1, 0]]}, {"t": [[1, 0]]}, {"a": [{"v": "x"}]}],
    ids=["array of documents", "array of vectors", "beside tokens", "no vector at all"],
)
def test_vector_in_an_array_under_a_search_index_is_refused(
    strict_db: Database[dict[str, Any]], document: dict[str, Any]
) -> None:
    nested = {"type": "document", "fields": {"v": KNN}}
    definition = search_definition(a=nested, t=[KNN, {"type": "token"}])
    collection = indexed(strict_db.c, [], definition)

    refused(collection, {"_id": 1, **document})


def test_tokens_beside_a_vector_are_no_skip(strict_db: Database[dict[str, Any]]) -> None:
    collection = indexed(strict_db.c, [], search_definition(t=[KNN, {"type": "token"}]))

    collection.insert_many([{"t": "a"}, {"t": ["a", "b"]}, {"t": [1, 2]}, {"t": None}, {}])


def test_nested_documents_are_judged_one_by_one(strict_db: Database[dict[str, Any]]) -> None:
    definition = {**vector_definition(path="a.v"), "nestedRoot": "a"}
    collection = indexed(strict_db.c, [], definition)

    collection.insert_one({"_id": 1, "a": [{"v": [1, 0]}, {"v": [2, 0]}, {}]})
    assert "a.v has 1 dimensions" in refused(
        collection, {"_id": 2, "a": [{"v": [1, 0]}, {"v": [1]}]}
    )
    assert "a holds a int where" in refused(collection, {"_id": 2, "a": [{"v": [1, 0]}, 5]})


FILTERED = [
    pytest.param(Decimal128("1"), "decimal", id="decimal"),
    pytest.param(Regex("x"), "regex", id="regex"),
    pytest.param({"x": 1}, "object", id="document"),
    pytest.param(as_float32([1, 2]), "binData", id="vector"),
    pytest.param([1, Decimal128("1")], "decimal", id="in an array"),
]


@pytest.mark.parametrize(("value", "kind"), FILTERED)
def test_filter_value_that_is_never_indexed_is_refused(
    strict_db: Database[dict[str, Any]], value: Any, kind: str
) -> None:
    collection = indexed(strict_db.c, [], vector_definition("f"))

    text = refused(collection, {"_id": 1, "f": value})

    assert text.endswith(f"f is of type {kind}, which no filter can compare.")


def test_value_of_another_type_than_a_search_index_maps_is_refused(
    strict_db: Database[dict[str, Any]],
) -> None:
    fields = {"price": [{"type": "number"}, {"type": "date"}]}
    collection = indexed(strict_db.c, [], search_definition(**fields))

    collection.insert_one({"price": 5})
    text = refused(collection, {"_id": 1, "price": "5"})

    assert text.endswith("price is of type string, and the index maps it as date, number.")


def test_value_that_is_no_text_is_refused_where_the_index_maps_strings_alone(
    strict_db: Database[dict[str, Any]],
) -> None:
    both = [{"type": "string"}, {"type": "number"}]
    fields = {"title": {"type": "string"}, "code": both}
    collection = indexed(strict_db.c, [], search_definition(**fields))

    collection.insert_one({"title": ["red", None], "code": ["a", 1]})
    text = refused(collection, {"_id": 1, "title": 5})

    assert text.endswith("title is of type int, and the index maps it as string.")


def test_dynamic_fields_may_hold_anything(strict_db: Database[dict[str, Any]]) -> None:
    definition = {"mappings": {"dynamic": True, "fields": {"v": KNN}}}
    collection = indexed(strict_db.c, [], definition)

    collection.insert_one({"x": Decimal128("1"), "y": {"z": b"1"}, "v": [1, 2]})


BAD, GOOD = {"v": [1, 2, 3]}, {"v": [1, 2]}


@pytest.mark.parametrize(("is_ordered", "stored"), [(True, [0]), (False, [0, 2])])
def test_bulk_insert_reports_the_document_and_goes_on_as_ordered_says(
    strict_db: Database[dict[str, Any]], is_ordered: bool, stored: list[int]
) -> None:
    collection = indexed(strict_db.c, [], vector_definition())
    documents = [{"_id": 0, **GOOD}, {"_id": 1, **BAD}, {"_id": 2, **GOOD}]

    with pytest.raises(BulkWriteError) as failed:
        collection.insert_many(documents, ordered=is_ordered)

    (error,) = failed.value.details["writeErrors"]
    assert (error["index"], error["code"]) == (1, 121)
    assert error["errInfo"]["failingDocumentId"] == 1
    assert error["errInfo"]["details"]["path"] == "v"
    assert [document["_id"] for document in collection.find()] == stored
    assert ids(vector_search(collection)) == stored


def test_bulk_write_of_every_kind_refuses_only_what_would_be_skipped(
    strict_db: Database[dict[str, Any]],
) -> None:
    collection = indexed(strict_db.c, [{"_id": i, **GOOD} for i in range(5)], vector_definition())
    operations = [
        ReplaceOne({"_id": 0}, {"v": [5, 0]}),
        ReplaceOne({"_id": 1}, BAD),
        ReplaceOne({"_id": 7}, BAD, upsert=True),
        UpdateOne({"_id": 2}, {"$set": BAD}),
        UpdateOne({"_id": 8}, {"$set": BAD}, upsert=True),
        UpdateMany({"_id": {"$gte": 3}}, [{"$set": {"v": "x"}}]),
        InsertOne({"_id": 9, **BAD}),
        InsertOne({"_id": 10, **GOOD}),
    ]

    with pytest.raises(BulkWriteError) as failed:
        collection.bulk_write(operations, ordered=False)

    errors = failed.value.details["writeErrors"]
    assert [(one["index"], one["code"]) for one in errors] == [(i, 121) for i in range(1, 7)]
    unchanged = [{"_id": i, **GOOD} for i in range(1, 5)]
    expected = [{"_id": 0, "v": [5, 0]}, *unchanged, {"_id": 10, **GOOD}]
    assert list(collection.find()) == expected
    assert sorted(ids(vector_search(collection))) == [0, 1, 2, 3, 4, 10]


def test_find_and_modify_is_refused_and_changes_nothing(
    strict_db: Database[dict[str, Any]],
) -> None:
    collection = indexed(strict_db.c, [{"_id": 1, **GOOD}], vector_definition())

    with pytest.raises(OperationFailure) as on_update:
        collection.find_one_and_update({"_id": 1}, {"$set": BAD})
    with pytest.raises(OperationFailure) as on_upsert:
        collection.find_one_and_replace({"_id": 2}, BAD, upsert=True)

    assert on_update.value.code == on_upsert.value.code == 121
    assert list(collection.find()) == [{"_id": 1, **GOOD}]


def test_latest_definition_judges(strict_db: Database[dict[str, Any]]) -> None:
    collection = indexed(strict_db.c, [], vector_definition())
    collection.update_search_index("default", vector_definition(numDimensions=3))

    refused(collection, {"_id": 1, **GOOD})
    collection.insert_one({"_id": 1, **BAD})
    collection.drop_search_index("default")
    collection.insert_one({"_id": 2, **GOOD})


def wait_until_failed(collection: Documents) -> dict[str, Any]:
    for _ in range(2000):
        (entry,) = collection.list_search_indexes()
        if entry["status"] == "FAILED":
            return entry
    raise AssertionError(entry)


def test_index_over_documents_that_it_would_skip_fails_and_names_them(
    strict_db: Database[dict[str, Any]],
) -> None:
    collection = strict_db.c
    documents = [{"_id": 1, **GOOD}, {"_id": 2, **BAD}, {"_id": 3}, {"_id": 4, "v": "x"}]
    collection.insert_many(documents)
    specification = {"name": "default", "type": "vectorSearch", "definition": vector_definition()}

    strict_db.command("createSearchIndexes", "c", indexes=[specification])

    detail = wait_until_failed(collection)["statusDetail"][0]["mainIndex"]
    assert detail["message"] == (
        "The index would pass over values (_id 2: v has 3 dimensions, and the index wants 2; "
        "_id 4: v is of type string, and no vector)."
    )
    with pytest.raises(OperationFailure, match="while in state FAILED"):
        vector_search(collection)


def test_start_with_strict_judges_what_was_written_without_it(tmp_path: Path) -> None:
    with serving(tmp_path, ServerOptions()) as client:
        indexed(client.shop.whole, [{"_id": 1, **GOOD}], vector_definition())
        indexed(client.shop.c, [{"_id": 1, **GOOD}, {"_id": 2, **BAD}], vector_definition())

    with serving(tmp_path, ServerOptions(is_strict=True)) as client:
        message = wait_until_failed(client.shop.c)["statusDetail"][0]["mainIndex"]["message"]
        assert "(_id 2: v has 3 dimensions" in message
        assert ids(vector_search(client.shop.whole)) == [1]
        assert client.shop.c.count_documents({}) == 2

    with serving(tmp_path, ServerOptions()) as client:
        assert ids(vector_search(client.shop.c)) == [1]


def test_index_that_failed_is_built_by_an_update_once_the_documents_are_mended(
    strict_db: Database[dict[str, Any]],
) -> None:
    collection = strict_db.c
    collection.insert_many([{"_id": 1, **GOOD}, {"_id": 2, **BAD}])
    specification = {"name": "default", "type": "vectorSearch", "definition": vector_definition()}
    strict_db.command("createSearchIndexes", "c", indexes=[specification])
    wait_until_failed(collection)

    collection.update_one({"_id": 2}, {"$set": {"v": [2, 2]}})
    collection.update_search_index("default", vector_definition())

    for _ in range(2000):
        (entry,) = collection.list_search_indexes()
        if entry["queryable"]:
            break
    assert ids(vector_search(collection)) == [1, 2]


def test_without_strict_nothing_is_refused(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [], vector_definition("f"))

    collection.insert_one({"_id": 1, **BAD, "f": Decimal128("1")})

    assert vector_search(collection) == []
