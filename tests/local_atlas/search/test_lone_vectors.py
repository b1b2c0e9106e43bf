"""A vector alone in its field is indexed exactly as one that is looked at by itself."""

import math
import random
import struct
from typing import Any

import pytest
from bson import Binary, Int64
from pymongo.database import Database

from tests.local_atlas.search.asking import ids, indexed, knn_beta, search_definition, vector_search

DIMENSIONS = 64  # long enough to be read in bulk
QUERY = [math.cos(i) for i in range(DIMENSIONS)]


def definition(similarity: str) -> dict[str, Any]:
    vector = {"type": "vector", "numDimensions": DIMENSIONS, "similarity": similarity}
    paths = [{**vector, "path": "v"}, {**vector, "path": "a.v"}]
    return {"fields": [*paths, {"type": "filter", "path": "n"}, {"type": "filter", "path": "a.n"}]}


def random_value(generator: random.Random) -> Any:
    length = generator.choice([DIMENSIONS] * 8 + [DIMENSIONS - 1, DIMENSIONS + 1, 2 * DIMENSIONS])
    numbers: list[Any] = [generator.gauss(0, 1) for _ in range(length)]
    if generator.random() < 0.1:
        numbers = [0.0] * length
    if generator.random() < 0.4:
        odd = [math.nan, -math.inf, 1e39, 1e-50, 3, Int64(4), None, True, "text", [1.0]]
        numbers[generator.randrange(length)] = generator.choice(odd)
    if generator.random() < 0.5 or not all(isinstance(one, float) for one in numbers):
        return generator.choice([numbers, numbers, numbers, None, "text", 5, {"x": 1}])
    floats = struct.pack(f"<{length}f", *(0 if abs(one) > 1e38 else one for one in numbers))
    head = generator.choice(
        [b"\x27\x00"] * 6 + [b"\x27\x08", b"\x27\x01", b"\x03\x00", b"\x10\x00"]
    )
    tail = generator.choice([b""] * 6 + [b"\0", b"\0\0\0\0"])
    return Binary(head + floats + tail, generator.choice([9, 9, 9, 9, 0]))


def random_documents(seed: int, count: int) -> list[dict[str, Any]]:
    generator = random.Random(seed)
    documents = []
    for i in range(count):
        fields: list[tuple[str, Any]] = [("n", i % 7), ("v", random_value(generator))]
        below = [("n", i % 3), ("v", random_value(generator))]
        generator.shuffle(below)
        fields.append(("a", dict(below)))
        generator.shuffle(fields)
        documents.append({"_id": i, **dict(fields)})
    return documents


def wrapped(document: dict[str, Any]) -> dict[str, Any]:
    """The same document for a vectorSearch index, which looks into arrays one by one."""
    below = {**document["a"], "v": [document["a"]["v"]]}
    return {**document, "v": [document["v"]], "a": [below]}


@pytest.mark.parametrize("similarity", ["cosine", "dotProduct", "euclidean"])
def test_bulk_and_single_reading_index_the_same(
    db: Database[dict[str, Any]], similarity: str
) -> None:
    documents = random_documents(seed=1, count=400)
    bulk = indexed(db.bulk, documents[:200], definition(similarity))
    single = indexed(db.single, [wrapped(one) for one in documents[:200]], definition(similarity))
    bulk.insert_many(documents[200:])
    single.insert_many([wrapped(one) for one in documents[200:]])

    for path in ("v", "a.v"):
        for condition in ({}, {"n": 3}, {"a.n": {"$exists": True}}):
            spec = {"path": path, "queryVector": QUERY, "exact": True, "limit": 400}
            found = [vector_search(one, **spec, filter=condition) for one in (bulk, single)]
            assert found[0] == found[1]
            assert found[0]


def test_replacing_moves_a_document_in_and_out_of_the_index(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [], definition("euclidean"))
    good, bad = [1.0] * DIMENSIONS, [math.inf] * DIMENSIONS

    for value, expected in ((good, [1]), (bad, []), (good, [1]), (None, []), (good, [1])):
        collection.replace_one({"_id": 1}, {"v": value}, upsert=True)
        assert ids(vector_search(collection, queryVector=QUERY)) == expected


def test_an_array_that_is_both_vector_and_numbers_is_indexed_as_both(
    db: Database[dict[str, Any]],
) -> None:
    vector = {"type": "knnVector", "dimensions": DIMENSIONS, "similarity": "euclidean"}
    both = search_definition(v=[vector, {"type": "number"}])
    collection = indexed(db.c, [{"_id": 1, "v": [0.5] * DIMENSIONS}], both)

    for value, expected in ((0.5, [1]), (0.25, [])):
        condition = {"equals": {"path": "v", "value": value}}
        assert ids(knn_beta(collection, vector=QUERY, filter=condition)) == expected


def test_a_dotted_name_is_not_a_path(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [], definition("euclidean"))

    collection.insert_one({"_id": 1, "a.v": [0.5] * DIMENSIONS})

    assert vector_search(collection, path="a.v", queryVector=QUERY) == []


def test_nested_vectors_are_not_read_as_vectors_of_the_document(
    db: Database[dict[str, Any]],
) -> None:
    nested = {**definition("euclidean"), "nestedRoot": "a"}
    document = {"_id": 1, "a": {"v": [0.5] * DIMENSIONS}}
    one, many = (
        indexed(db[name], [{**document, "a": value}], nested)
        for name, value in (("one", document["a"]), ("many", [document["a"]]))
    )

    spec = {"path": "a.v", "queryVector": QUERY}
    assert vector_search(one, **spec) == vector_search(many, **spec) != []
