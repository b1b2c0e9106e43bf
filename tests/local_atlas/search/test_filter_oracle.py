"""Random filters on random documents: the columns find what a plain reading of the rules finds."""

import random
from typing import Any

import bson
import pytest

from app.local_atlas.mql.rows import decode
from app.local_atlas.search.conditions import Condition
from app.local_atlas.search.definition import SearchIndexDefinition, parse_definition
from app.local_atlas.search.mql_filter import read_mql_filter
from app.local_atlas.search.operator_filter import read_operator_filter
from app.local_atlas.search.search_data import SearchData
from app.local_atlas.search.vectors import Vector, narrowed
from tests.local_atlas.search.filter_oracle import (
    MISSING,
    comparable_pool,
    document_pool,
    equal,
    kind,
    mql,
    search_operator,
    sort_form,
)

PATHS = ("f", "g", "a.b", "a.c")
TYPES = ("boolean", "date", "number", "objectId", "token", "uuid")
VECTOR = {"type": "vector", "path": "v", "numDimensions": 1, "similarity": "euclidean"}
VECTOR_DEFINITION = {"fields": [VECTOR, *({"type": "filter", "path": path} for path in PATHS)]}
ANY_TYPE = [{"type": name} for name in TYPES]
SEARCH_DEFINITION = {
    "mappings": {
        "fields": {
            "v": {"type": "knnVector", "dimensions": 1, "similarity": "euclidean"},
            "f": ANY_TYPE,
            "g": ANY_TYPE,
            "a": [*ANY_TYPE, {"type": "document", "fields": {"b": ANY_TYPE, "c": ANY_TYPE}}],
        }
    }
}
DOCUMENTS = 300
ROUNDS = [
    pytest.param(1, 80, id="a few"),
    *(pytest.param(seed, 500, id=f"many, {seed}", marks=pytest.mark.slow) for seed in range(2, 8)),
]


class Dice:
    """Random documents and filters."""

    def __init__(self, seed: int, *, has_large_ints: bool) -> None:
        self._random = random.Random(seed)
        # A search index rounds them to doubles, which is a rule of its own with its own test.
        self._values = [one for one in comparable_pool() if has_large_ints or not is_large(one)]
        self._stored = [one for one in document_pool() if has_large_ints or not is_large(one)]

    def document(self) -> dict[str, Any]:
        document = {"_id": 1, "v": [0.0]}
        for name in ("f", "g"):
            self._put(document, name)
        match self._random.randrange(4):
            case 0:
                document["a"] = self._subdocument()
            case 1:
                document["a"] = [self._subdocument() for _ in range(self._random.randrange(3))]
            case 2:
                self._put(document, "a")
        return document

    def _subdocument(self) -> dict[str, Any]:
        document: dict[str, Any] = {}
        for name in ("b", "c"):
            self._put(document, name)
        return document

    def _put(self, document: dict[str, Any], name: str) -> None:
        value = self._stored_value()
        if value is not MISSING:
            document[name] = value

    def _stored_value(self, depth: int = 0) -> Any:
        roll = self._random.random()
        if roll < 0.15 and depth == 0:
            return MISSING
        if roll < 0.35 and depth < 3:
            return [self._stored_value(depth + 1) for _ in range(self._random.randrange(4))]
        return self._random.choice(self._stored)

    def value(self) -> Any:
        return self._random.choice(self._values)

    def same_kind(self) -> list[Any]:
        first = self.value()
        others = [one for one in self._values if kind(one) == kind(first)]
        return [first, *self._random.choices(others, k=self._random.randrange(3))]

    def path(self) -> str:
        return self._random.choice(PATHS)

    def mql(self, depth: int = 0) -> dict[str, Any]:
        roll = self._random.random()
        if roll < 0.35 and depth < 3:
            name = self._random.choice(["$and", "$or", "$nor"])
            return {name: [self.mql(depth + 1) for _ in range(self._random.randint(1, 3))]}
        if roll < 0.4:
            return {}
        if roll < 0.5:
            return {self.path(): self._random.choice([None, self.value()])}
        return {self.path(): self._operators(depth) for _ in range(self._random.randint(1, 2))}

    def _operators(self, depth: int) -> dict[str, Any]:
        operators: dict[str, Any] = {}
        for _ in range(self._random.randint(1, 2)):
            name = self._random.choice(
                ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$not"]
            )
            if name in ("$in", "$nin"):
                operators[name] = self.same_kind()
            elif name == "$exists":
                operators[name] = self._random.random() < 0.5
            elif name == "$not":
                operators[name] = self._operators(depth + 1) if depth < 3 else {"$eq": 1}
            elif name in ("$eq", "$ne"):
                operators[name] = self._random.choice([None, self.value(), self.value()])
            else:
                operators[name] = self.value()
        return operators

    def operator(self, depth: int = 0) -> dict[str, Any]:
        roll = self._random.random()
        if roll < 0.4 and depth < 3:
            return {"compound": self._compound(depth + 1)}
        if roll < 0.55:
            value = self._random.choice([None, self.value(), self.value()])
            return {"equals": {"path": self.path(), "value": value}}
        if roll < 0.7:
            path = self._random.choice([self.path(), [self.path(), self.path()]])
            return {"in": {"path": path, "value": self.same_kind()}}
        if roll < 0.8:
            return {"exists": {"path": self.path()}}
        return {"range": self._range()}

    def _range(self) -> dict[str, Any]:
        first, *others = [one for one in self.same_kind() if kind(one) != "boolean"] or [5]
        least, greatest = sorted([first, *others[:1], first][:2], key=sort_form)
        if equal(least, greatest) and others:
            return {"path": self.path(), "gte": least, "lte": greatest}  # none may be open
        bounds = {self._random.choice(["gt", "gte"]): least}
        if others:
            bounds[self._random.choice(["lt", "lte"])] = greatest
        return {"path": self.path(), **bounds}

    def _compound(self, depth: int) -> dict[str, Any]:
        clauses = self._random.sample(["filter", "must", "mustNot", "should"], k=2)
        spec: dict[str, Any] = {
            clause: [self.operator(depth) for _ in range(self._random.randint(1, 3))]
            for clause in clauses
        }
        if "should" in spec and self._random.random() < 0.5:
            spec["minimumShouldMatch"] = self._random.randint(0, len(spec["should"]))
        return spec


def is_large(value: Any) -> bool:
    return isinstance(value, int) and abs(value) > 2**53


def filled(definition: SearchIndexDefinition, dice: Dice) -> tuple[SearchData, dict[int, Any]]:
    """Return an index and its documents by record id, many of them written twice, some deleted."""
    data, expected = SearchData(definition), dict[int, Any]()
    for start in (0, 100, 50, 200, 0):
        changes: list[tuple[int, bytes | None]] = []
        for record_id in range(start, start + 100):
            raw = bson.encode(dice.document())
            is_deleted = record_id % 17 == start % 5
            changes.append((record_id, None if is_deleted else raw))
            expected.pop(record_id, None)
            if not is_deleted:
                expected[record_id] = decode(raw)
        data.apply(changes)
    return data, expected


def found(data: SearchData, condition: Condition) -> set[int]:
    hits = data.nearest("v", Vector("float32", narrowed([0.0])), DOCUMENTS, condition)
    return set(hits.record_ids.tolist())


@pytest.mark.parametrize("index_type", ["vectorSearch", "search"])
@pytest.mark.parametrize(("seed", "filters"), ROUNDS)
def test_mql_filters_agree_with_the_rules(index_type: str, seed: int, filters: int) -> None:
    is_vector = index_type == "vectorSearch"
    definition = VECTOR_DEFINITION if is_vector else SEARCH_DEFINITION
    dice = Dice(seed, has_large_ints=is_vector)
    data, documents = filled(parse_definition(index_type, definition), dice)

    for _ in range(filters):
        condition = dice.mql()
        expected = {
            record_id
            for record_id, document in documents.items()
            if mql(condition, document, cuts_doubles=is_vector)
        }
        assert found(data, read_mql_filter(condition, "filter").condition) == expected, condition


@pytest.mark.parametrize(("seed", "filters"), ROUNDS)
def test_operator_filters_agree_with_the_rules(seed: int, filters: int) -> None:
    dice = Dice(seed, has_large_ints=False)
    data, documents = filled(parse_definition("search", SEARCH_DEFINITION), dice)

    for _ in range(filters):
        operator = dice.operator()
        expected = {
            record_id
            for record_id, document in documents.items()
            if search_operator(operator, document)
        }
        assert found(data, read_operator_filter(operator, "filter")) == expected, operator
