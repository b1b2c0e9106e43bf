"""Which index a query uses, and that it reads no more than it must."""

from typing import Any

import pytest
from pymongo.database import Database

from app.local_atlas.index_scan import Counts
from app.local_atlas.node import Node
from app.local_atlas.query_plans import FindOptions, IdLookup, IndexLookup, UnionLookup

Docs = Database[dict[str, Any]]
Document = dict[str, Any]

NAN = float("nan")


@pytest.fixture(scope="module")
def shop(module_db: Docs) -> Docs:
    module_db.c.create_index([("kind", 1), ("price", -1)])
    module_db.c.create_index("price")
    module_db.c.create_index("tags")
    module_db.c.create_index([("lines.sku", 1), ("lines.count", 1)])
    module_db.c.create_index("rare", sparse=True)
    module_db.c.create_index("sold", partialFilterExpression={"sold": {"$gt": 0}})
    module_db.c.insert_many(
        {
            "_id": number,
            "kind": "abc"[number % 3],
            "price": number,
            "tags": [number % 7, 100 + number],
            "lines": [{"sku": number, "count": 1}, {"sku": number + 1, "count": 2}],
            "sold": number % 4,
            **({"rare": number} if number % 10 == 0 else {}),
        }
        for number in range(300)
    )
    return module_db


def _asked(
    shop: Docs, node: Node, query: Document, sort: Document, wanted: int | None
) -> tuple[str, Counts, list[int]]:
    """Return the index that is used, what is looked at, and the `_id` of what is found."""
    collection = node.store.collection(shop.name, "c")
    assert collection is not None
    options = FindOptions(sort, wanted)
    plan = collection.plan(query, options)
    name = {IdLookup: "_id_ lookup", UnionLookup: "or"}.get(type(plan), "")
    if isinstance(plan, IndexLookup):
        name = plan.scan.index.name
    found = collection.find(query, options=options)
    ids = [row.document["_id"] for (_, row), _ in zip(found, range(wanted or 1000), strict=False)]
    return name, options.counts, ids


@pytest.mark.parametrize(
    ("query", "name", "looked_at"),
    [
        pytest.param({"_id": 5}, "_id_ lookup", 1, id="by _id"),
        pytest.param({"_id": {"$in": [1, 2, 3]}}, "_id_ lookup", 3, id="by several _ids"),
        pytest.param({"_id": {"$gte": 290}}, "_id_", 10, id="a range of _ids"),
        pytest.param({"price": 7}, "price_1", 1, id="equal"),
        pytest.param({"price": 7.0}, "price_1", 1, id="equal, of another type"),
        pytest.param({"price": {"$gt": 289}}, "price_1", 10, id="a range"),
        pytest.param({"price": {"$gte": 10, "$lt": 20}}, "price_1", 10, id="a range of two ends"),
        pytest.param({"price": {"$in": [1, 2, 999]}}, "price_1", 2, id="$in"),
        pytest.param({"price": None}, "price_1", 0, id="missing"),
        pytest.param({"kind": "a"}, "kind_1_price_-1", 100, id="a prefix"),
        pytest.param({"kind": "a", "price": {"$lt": 30}}, "kind_1_price_-1", 10, id="both paths"),
        pytest.param({"kind": {"$regex": "^b"}}, "kind_1_price_-1", 100, id="a prefix of strings"),
        pytest.param({"$and": [{"price": 3}, {"sold": 3}]}, "price_1", 1, id="$and"),
        pytest.param({"tags": 103}, "tags_1", 1, id="an element"),
        pytest.param({"tags": [5, 105]}, "tags_1", 43, id="a whole array"),
        pytest.param({"tags": {"$all": [103, 3]}}, "tags_1", 1, id="$all"),
        pytest.param({"tags": {"$elemMatch": {"$gt": 390, "$lt": 400}}}, "tags_1", 9, id="element"),
        pytest.param({"rare": 20}, "rare_1", 1, id="sparse, the field is there"),
        pytest.param({"rare": None}, "", 300, id="sparse, the field may be missing"),
        pytest.param({"sold": {"$gte": 3}}, "sold_1", 75, id="partial, within its filter"),
        pytest.param({"sold": {"$gte": 0}}, "", 300, id="partial, beyond its filter"),
        pytest.param({"$or": [{"price": 3}, {"tags": 104}]}, "or", 2, id="$or"),
        pytest.param({"$or": [{"price": 3}, {"_id": 3}, {"tags": 103}]}, "or", 1, id="$or, one"),
        pytest.param({"$or": [{"price": 3}, {"other": 1}]}, "", 300, id="$or, one without index"),
        pytest.param(
            {"$or": [{"price": 3}, {"price": 5}], "kind": "a"}, "kind_1_price_-1", 100, id="and $or"
        ),
        pytest.param({"other": 1}, "", 300, id="no index"),
        pytest.param({"price": {"$ne": 1}}, "", 300, id="what an index does not help"),
    ],
)
def test_query_looks_at_no_more_than_its_index_finds(
    shop: Docs, local_atlas: Node, query: Document, name: str, looked_at: int
) -> None:
    used, counts, found = _asked(shop, local_atlas, query, {}, None)

    assert (used, counts.documents) == (name, looked_at)
    assert found == sorted(found)
    assert found == [each["_id"] for each in shop.c.find(query, hint={"$natural": 1})]


@pytest.mark.parametrize(
    ("query", "sort", "name", "looked_at"),
    [
        pytest.param({}, {"price": 1}, "price_1", 20, id="upwards"),
        pytest.param({}, {"price": -1}, "price_1", 20, id="downwards"),
        pytest.param({}, {"_id": -1}, "_id_", 20, id="by _id"),
        pytest.param({"kind": "b"}, {"price": 1}, "kind_1_price_-1", 20, id="behind an equality"),
        pytest.param({}, {"kind": -1, "price": 1}, "kind_1_price_-1", 20, id="compound, turned"),
        pytest.param({}, {"kind": 1, "price": 1}, "", 300, id="compound, directions differ"),
        pytest.param({}, {"tags": 1}, "", 300, id="arrays"),
        pytest.param({}, {"rare": 1}, "", 300, id="sparse"),
    ],
)
def test_first_of_an_order_are_read_off_an_index(
    shop: Docs, local_atlas: Node, query: Document, sort: Document, name: str, looked_at: int
) -> None:
    used, counts, found = _asked(shop, local_atlas, query, sort, 5)

    assert (used, counts.documents <= looked_at) == (name, True)
    scanned = shop.c.find(query, sort=sort, limit=5, hint={"$natural": 1})
    assert found == [each["_id"] for each in scanned]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param({"tags": {"$gt": 150, "$lt": 2}}, list(range(51, 300)), id="other elements"),
        pytest.param({"lines.sku": 4, "lines.count": 2}, [3, 4], id="of two elements"),
        pytest.param({"lines": {"$elemMatch": {"sku": 4, "count": 2}}}, [3], id="of one element"),
    ],
)
def test_conditions_on_an_array_may_be_met_by_different_elements(
    shop: Docs, query: Document, found: list[int]
) -> None:
    expected = [number for number in found if "$gt" not in str(query) or number % 7 < 2]

    assert [each["_id"] for each in shop.c.find(query)] == expected


@pytest.mark.parametrize(
    ("stored", "option", "query"),
    [
        pytest.param([NAN, 1, -1], {}, {"a": {"$lte": NAN}}, id="at most NaN"),
        pytest.param([NAN, 1, -1], {}, {"a": {"$lt": 0}}, id="below 0 is no NaN"),
        pytest.param([[1], 1, [2, 1]], {}, {"a": [1]}, id="a whole array"),
        pytest.param([[], [[]], None], {}, {"a": []}, id="an empty array"),
        pytest.param([None, 0, [None]], {}, {"a": None}, id="null or missing"),
        pytest.param(
            [[1], 1],
            {"partialFilterExpression": {"a": [1]}},
            {"a": 1},
            id="a partial filter by an array says nothing of its elements",
        ),
        pytest.param(
            [None, 1],
            {"partialFilterExpression": {"a": {"$gt": None}}},
            {"a": None},
            id="a partial filter above null has nothing",
        ),
        pytest.param(
            [NAN, 3],
            {"partialFilterExpression": {"a": {"$lt": 5}}},
            {"a": {"$in": [NAN, 3]}},
            id="a partial filter below 5 leaves NaN out",
        ),
    ],
)
def test_edges_of_an_index_hide_nothing(
    db: Docs, stored: list[Any], option: Document, query: Document
) -> None:
    db.c.create_index("a", **option)
    db.c.insert_many([*({"_id": n, "a": each} for n, each in enumerate(stored)), {"_id": "none"}])

    found = [each["_id"] for each in db.c.find(query)]

    assert found
    assert found == [each["_id"] for each in db.c.find(query, hint={"$natural": 1})]
