"""Random filters on random documents: both index types find what a reading of the rules finds.

The rules are those of the `filter` of $vectorSearch, evaluated document by document in Python. The
documents hold what a shop's feed may hold by mistake, too: values of other types, nulls, arrays in
arrays.
"""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bson import ObjectId
from bson.datetime_ms import DatetimeMS
from pymongo.collection import Collection

from app.config import Settings
from app.db import connect
from app.filter_parser import MAX_EXACT_INTEGER, parse_filter
from app.filters import Filter
from app.indexes import FilterType, SearchIndex, read_index_file
from app.live_indexes import apply_index, wait_until_queryable
from app.pipelines import Pipeline, exact_pipeline, search_pipeline
from tests.local_atlas.search.filter_oracle import document_pool
from tests.local_atlas.search.filter_oracle import mql as meets

DOCUMENTS, FILTERS = 200, 500
QUERY = np.array([1, 0], np.float32)
TYPES: dict[str, FilterType] = {
    "category": "token",
    "price": "number",
    "in_stock": "boolean",
    "added": "date",
    "owner": "objectId",
    "sizes.label": "token",
    "sizes.cm": "number",
}
VALUES: dict[FilterType, list[Any]] = {
    "token": ["", "a", "b", "B", "Ä", "\U0001f455"],
    "number": [0, 5, -3, 5.0, 5.5, -3.5, 1e300, MAX_EXACT_INTEGER, MAX_EXACT_INTEGER - 1],
    "boolean": [True, False],
    "date": [DatetimeMS(0), DatetimeMS(-5), DatetimeMS(1_700_000_000_000)],
    "objectId": [ObjectId("0" * 24), ObjectId("5" * 24), ObjectId("f" * 24)],
}
OPERATORS = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$not"]
STRAYS = [one for one in document_pool() if not isinstance(one, int) or one <= MAX_EXACT_INTEGER]

Ask = Callable[[Filter], Pipeline]


class Gallery:
    """Documents under an index of either type, and every way to ask for those of a filter."""

    def __init__(self, collection: Collection[dict[str, Any]], folder: Path) -> None:
        dice = Dice(DOCUMENTS)
        self.documents = [dice.document(number) for number in range(DOCUMENTS)]
        collection.insert_many([dict(one) for one in self.documents])
        self._collection = collection
        knn, vector = written_index(folder, knn_file()), written_index(folder, vector_file())
        for index in (knn, vector):
            apply_index(collection, index, update=False)
            wait_until_queryable(collection, index, timeout_s=30)
        self.ways: dict[str, Ask] = {
            "$search": lambda condition: search_pipeline(
                knn, QUERY, limit=DOCUMENTS, num_candidates=DOCUMENTS, condition=condition
            ),
            "$vectorSearch, search index": lambda condition: exact_pipeline(
                knn, QUERY, limit=DOCUMENTS, condition=condition
            ),
            "$vectorSearch": lambda condition: exact_pipeline(
                vector, QUERY, limit=DOCUMENTS, condition=condition
            ),
        }

    def found(self, ask: Ask, condition: Filter) -> set[int]:
        pipeline = [*ask(condition), {"$project": {"_id": "$item._id"}}]
        return {row["_id"] for row in self._collection.aggregate(pipeline)}


@pytest.fixture(scope="module")
def gallery(local_atlas_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    folder = tmp_path_factory.mktemp("indexes")
    collection = connect(
        Settings(local_atlas_path=local_atlas_path, database="filters", gallery_root=folder)
    )
    yield Gallery(collection, folder)
    collection.database.client.drop_database("filters")
    collection.database.client.close()


def knn_file() -> dict[str, Any]:
    fields: dict[str, Any] = {
        "embedding": {"type": "knnVector", "dimensions": 2, "similarity": "euclidean"},
        "sizes": {"type": "document", "fields": {}},
    }
    for path, kind in TYPES.items():
        parent, _, name = path.rpartition(".")
        (fields[parent]["fields"] if parent else fields)[name] = {"type": kind}
    return {"name": "knn", "type": "search", "definition": {"mappings": {"fields": fields}}}


def vector_file() -> dict[str, Any]:
    vector = {"type": "vector", "path": "embedding", "numDimensions": 2, "similarity": "euclidean"}
    fields = [vector, *({"type": "filter", "path": path} for path in TYPES)]
    return {
        "name": "vector",
        "type": "vectorSearch",
        "filterTypes": TYPES,
        "definition": {"fields": fields},
    }


def written_index(folder: Path, content: dict[str, Any]) -> SearchIndex:
    path = folder / f"{content['name']}.json"
    path.write_text(json.dumps(content))
    return read_index_file(path)


class Dice:
    """Random documents, and random filters as trees of Python values."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def document(self, number: int) -> dict[str, Any]:
        document: dict[str, Any] = {"_id": number, "embedding": [1.0, 0.0]}
        for path in TYPES:
            if "." not in path:
                self._put(document, path, path)
        sizes = [self._size() for _ in range(self._random.randrange(3))]
        document["sizes"] = self._random.choice([sizes, self._size(), self._stray()])
        return document

    def _size(self) -> dict[str, Any]:
        size: dict[str, Any] = {}
        for name in ("label", "cm"):
            self._put(size, name, f"sizes.{name}")
        return size

    def _put(self, document: dict[str, Any], name: str, path: str) -> None:
        if self._random.random() < 0.85:
            document[name] = self._stored(path)

    def _stored(self, path: str, depth: int = 0) -> Any:
        if self._random.random() < 0.25 and depth < 3:
            return [self._stored(path, depth + 1) for _ in range(self._random.randrange(4))]
        return self._value(path) if self._random.random() < 0.8 else self._stray()

    def _stray(self) -> Any:
        return self._random.choice(STRAYS)

    def _value(self, path: str) -> Any:
        return self._random.choice(VALUES[TYPES[path]])

    def filter(self, depth: int = 0) -> dict[str, Any]:
        roll = self._random.random()
        if roll < 0.35 and depth < 3:
            name = self._random.choice(["$and", "$or", "$nor"])
            return {name: [self.filter(depth + 1) for _ in range(self._random.randint(1, 3))]}
        if roll < 0.4:
            return {}
        paths = self._random.sample(sorted(TYPES), k=self._random.randint(1, 2))
        return {path: self._condition(path, depth) for path in paths}

    def _condition(self, path: str, depth: int) -> Any:
        if self._random.random() < 0.15:
            return self._value_or_none(path)
        names = self._random.sample(OPERATORS, k=self._random.randint(1, 2))
        if self._random.random() < 0.2:  # two bounds, which two elements of an array may meet
            names = [self._random.choice(["$gt", "$gte"]), self._random.choice(["$lt", "$lte"])]
        return {name: self._operand(name, path, depth) for name in names}

    def _operand(self, name: str, path: str, depth: int) -> Any:
        match name:
            case "$in" | "$nin":
                return [self._value(path) for _ in range(self._random.randint(1, 3))]
            case "$exists":
                return self._random.random() < 0.5
            case "$not":
                inner = self._random.choice([one for one in OPERATORS if one != "$not"])
                return {inner: self._operand(inner, path, depth)}
            case "$eq" | "$ne":
                return self._value_or_none(path)
            case _:
                return self._value(path)

    def _value_or_none(self, path: str) -> Any:
        return self._random.choice([None, self._value(path), self._value(path)])


def as_written(value: Any) -> Any:
    """Return a filter as callers write it in JSON."""
    if isinstance(value, dict):
        return {key: as_written(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_written(one) for one in value]
    if isinstance(value, DatetimeMS):
        return value.as_datetime().isoformat()
    return str(value) if isinstance(value, ObjectId) else value


def test_both_index_types_find_what_the_rules_say(gallery: Gallery) -> None:
    dice = Dice(FILTERS)
    for _ in range(FILTERS):
        mql = dice.filter()
        expected = {
            document["_id"]
            for document in gallery.documents
            if meets(mql, document, cuts_doubles=False)
        }

        parsed = parse_filter(as_written(mql), TYPES)

        for way, ask in gallery.ways.items():
            assert gallery.found(ask, parsed) == expected, (way, mql)
