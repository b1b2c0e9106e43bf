"""$searchMeta: counts and string facets."""

from typing import Any

import pytest
from bson import Int64
from pymongo.database import Database
from pymongo.errors import OperationFailure

from tests.local_atlas.search.asking import (
    AGGREGATE_PREFIX,
    Documents,
    indexed,
    refusal,
    search_definition,
)

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": 1, "t": "red shoe", "brand": "b", "tags": ["x", "y", "x"], "v": [0, 0]},
    {"_id": 2, "t": "red boot", "brand": "a", "tags": ["y"], "v": [1, 0]},
    {"_id": 3, "t": "blue boot", "brand": "b", "tags": [], "v": [2, 0]},
    {"_id": 4, "t": "red dress", "brand": None},
    {"_id": 5, "t": "red hat", "brand": "Zoe"},
]
FIELDS: dict[str, Any] = {
    "t": {"type": "string"},
    "brand": {"type": "token"},
    "tags": {"type": "token", "normalizer": "lowercase"},
    "n": {"type": "number"},
}
RED = {"text": {"path": "t", "query": "red"}}
BRANDS = {"type": "string", "path": "brand"}


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    return indexed(module_db.c, DOCUMENTS, search_definition(**FIELDS))


def meta(collection: Documents, **spec: Any) -> Any:
    (document,) = collection.aggregate([{"$searchMeta": spec}])
    return document


def buckets(**counts: int) -> dict[str, Any]:
    return {"buckets": [{"_id": name, "count": count} for name, count in counts.items()]}


def test_counts_what_is_found(collection: Documents) -> None:
    knn = {"knnBeta": {"path": "v", "vector": [0, 0], "k": 2}}

    assert meta(collection, **RED) == {"count": {"lowerBound": 4}}
    assert meta(collection, **RED, count={"type": "total"}) == {"count": {"total": 4}}
    assert meta(collection, **RED, count={"threshold": 1}) == {"count": {"lowerBound": 4}}
    assert meta(collection, **knn) == {"count": {"lowerBound": 2}}
    assert meta(collection, text={"path": "t", "query": "nothing"}) == {"count": {"lowerBound": 0}}
    assert isinstance(meta(collection, **RED)["count"]["lowerBound"], Int64)


def test_deleted_documents_do_not_count(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, DOCUMENTS, search_definition(**FIELDS))
    collection.delete_one({"_id": 1})
    everything = {"compound": {"mustNot": {"exists": {"path": "nowhere"}}}}

    assert meta(collection, **everything) == {"count": {"lowerBound": 4}}
    assert meta(collection, facet={"facets": {"brand": BRANDS}}) == {
        "count": {"lowerBound": 4},
        "facet": {"brand": buckets(Zoe=1, a=1, b=1)},
    }


def test_facets_count_the_documents_of_each_value_most_frequent_first(
    collection: Documents,
) -> None:
    facets = {"brand": BRANDS, "tag": {"type": "string", "path": "tags"}}

    assert meta(collection, facet={"facets": facets}, count={"type": "total"}) == {
        "count": {"total": 5},
        "facet": {"brand": buckets(b=2, Zoe=1, a=1), "tag": buckets(y=2, x=1)},
    }
    assert meta(collection, facet={"operator": RED, "facets": facets}) == {
        "count": {"lowerBound": 4},
        "facet": {"brand": buckets(Zoe=1, a=1, b=1), "tag": buckets(y=2, x=1)},
    }


def test_no_more_buckets_than_are_asked_for(collection: Documents) -> None:
    facet = {"facets": {"brand": {**BRANDS, "numBuckets": 1}}}

    assert meta(collection, facet=facet)["facet"] == {"brand": buckets(b=2)}


def test_field_without_values_has_no_buckets(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [{"_id": 1}], search_definition(**FIELDS))

    assert meta(collection, facet={"facets": {"brand": BRANDS}}) == {
        "count": {"lowerBound": 1},
        "facet": {"brand": {"buckets": []}},
    }


def test_unknown_index_counts_nothing(collection: Documents, db: Database[dict[str, Any]]) -> None:
    for asked in (
        RED,
        {**RED, "count": {"type": "lowerBound"}},
        {"facet": {"facets": {"f": BRANDS}}},
    ):
        assert meta(collection, index="x", **asked) == {"count": {"total": 0}}
    assert list(db.nowhere.aggregate([{"$searchMeta": RED}])) == []


def results(collection: Documents, spec: dict[str, Any], *stages: dict[str, Any]) -> list[Any]:
    return list(collection.aggregate([{"$search": spec}, *stages]))


def test_search_tells_the_same_in_a_variable(collection: Documents) -> None:
    total = {**RED, "count": {"type": "total"}}
    facets = {"facet": {"operator": RED, "facets": {"brand": BRANDS}}}
    add = {"$project": {"_id": 1, "meta": "$$SEARCH_META"}}

    assert {str(hit["meta"]) for hit in results(collection, total, add)} == {
        str(meta(collection, **total))
    }
    with_facets = results(collection, facets, add)
    assert [hit["meta"] for hit in with_facets] == [meta(collection, **facets)] * 4
    counted = {"$project": {"n": "$$SEARCH_META.count.lowerBound"}}
    assert [hit["n"] for hit in results(collection, RED, counted)] == [4] * 4


def test_search_says_it_to_every_later_stage(collection: Documents) -> None:
    page = {"rows": [{"$limit": 1}], "meta": [{"$replaceWith": "$$SEARCH_META"}, {"$limit": 1}]}
    group = {"$group": {"_id": None, "found": {"$first": "$$SEARCH_META.count.lowerBound"}}}
    after = {"$set": {"again": "$$SEARCH_META.count.lowerBound"}}

    (paged,) = results(collection, RED, {"$facet": page})
    (grouped,) = results(collection, RED, group, after)

    assert paged["meta"] == [{"count": {"lowerBound": 4}}]
    assert grouped == {"_id": None, "found": 4, "again": 4}


def test_each_search_says_its_own(collection: Documents) -> None:
    add = {"$project": {"n": "$$SEARCH_META.count.lowerBound"}}
    boots = {"$search": {"text": {"path": "t", "query": "boot"}}}
    union = {"$unionWith": {"coll": "c", "pipeline": [boots, add]}}

    counts = [hit["n"] for hit in results(collection, RED, add, union)]

    assert counts == [4, 4, 4, 4, 2, 2]


def test_a_later_pipeline_hides_what_the_search_said(collection: Documents) -> None:
    add = {"$project": {"n": "$$SEARCH_META"}}
    search: dict[str, Any] = {"$search": RED}
    union = {"$unionWith": {"coll": "c", "pipeline": [search]}}
    let = {"$lookup": {"let": {"m": "$$SEARCH_META"}, "as": "said"}}
    let["$lookup"]["pipeline"] = [{"$documents": [{"n": "$$m.count.lowerBound"}]}]
    inside = {"$unionWith": {"coll": "c", "pipeline": [add]}}

    assert codes(collection, [search, union, add], [search, let, add]) == [6347901, 6347901]
    assert codes(collection, [search, inside], [union, add], [add, union]) == [
        6347902,
        6347901,
        6347902,
    ]
    for stages in ([let], [let, let]):
        assert {str(hit["said"]) for hit in results(collection, RED, *stages)} == {"[{'n': 4}]"}


def codes(collection: Documents, *pipelines: list[dict[str, Any]]) -> list[int]:
    return [refusal(collection, *pipeline)[0] for pipeline in pipelines]


def test_nothing_but_search_says_anything(collection: Documents) -> None:
    add = {"$project": {"n": "$$SEARCH_META"}}

    for first in ({"$match": {}}, {"$searchMeta": RED}):
        with pytest.raises(OperationFailure) as refused:
            collection.aggregate([first, add])
        assert refused.value.code == 6347902
    facet = {"facet": {"facets": {"f": {**BRANDS, "path": "t"}}}}
    assert refusal(collection, {"$search": facet})[1].startswith(
        AGGREGATE_PREFIX + 'Cannot facet on field "t"'
    )


def test_strict_server_refuses_unknown_indexes_and_paths(
    strict_db: Database[dict[str, Any]],
) -> None:
    collection = indexed(strict_db.c, [], search_definition(**FIELDS))

    assert refusal(collection, {"$searchMeta": {"index": "x", **RED}})[0] == 27
    unmapped = {"exists": {"path": "x"}}
    assert refusal(collection, {"$searchMeta": unmapped})[1].endswith("'x' of the query is not "
                                                                      "indexed.")  # fmt: skip


def test_places(collection: Documents) -> None:
    stage = {"$searchMeta": RED}
    one = {"$match": {"_id": 1}}
    union = [one, {"$unionWith": {"coll": "c", "pipeline": [stage]}}]

    assert list(collection.aggregate(union))[1:] == [{"count": {"lowerBound": 4}}]
    assert refusal(collection, {"$facet": {"a": [stage]}})[0] == 40600
    later = {"$unionWith": {"coll": "c", "pipeline": [one, stage]}}
    assert refusal(collection, later)[0] == 40602
    assert refusal(collection, {"$searchMeta": 1})[0] == 10065


def faceted(**facet: Any) -> dict[str, Any]:
    return {"facet": {"facets": {"f": {**BRANDS, **facet}}}}


REFUSED = [
    pytest.param({**RED, "returnStoredSource": 1}, '"returnStoredSource" must be a boolean',
                 id="stored source is no boolean"),
    pytest.param({**RED, "returnStoredSource": True}, "Before using returnStoredSource, index must",
                 id="no stored source"),
    pytest.param({}, "Query should contain either an operator [", id="nothing"),
    pytest.param({"facet": {}}, '"facet.facets" is required', id="no facets"),
    pytest.param({"facet": {"facets": {}}}, '"facet.facets" cannot be empty', id="empty"),
    pytest.param(faceted(numBuckets=0), '"facet.facets.f.numBuckets" must be within', id="buckets"),
    pytest.param(faceted(x=1), '"facet.facets.f" unrecognized field "x"', id="unknown field"),
    pytest.param(faceted(type="text"), '"facet.facets.f.type" must be one of [date, number, '
                 "string]", id="type"),
    pytest.param(faceted(type="number"), '"facet.facets.f" is a facet of type number (not emulated',
                 id="number facets are refused by name"),
    pytest.param(faceted(path="t"), 'Cannot facet on field "t" because it is not indexed as a '
                 '"token" field.', id="not a token"),
    pytest.param({"facet": {"operator": {"knnBeta": {}}, "facets": {"f": BRANDS}}},
                 '"facet.operator.knnBeta" knnBeta is not allowed to be nested', id="vectors"),
    pytest.param({**RED, **faceted()}, "Top-level operator is not allowed to be", id="both"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "message"), REFUSED)
def test_refused(collection: Documents, spec: dict[str, Any], message: str) -> None:
    code, text = refusal(collection, {"$searchMeta": spec})

    assert (code, text.startswith(AGGREGATE_PREFIX + message)) == (8, True), text
