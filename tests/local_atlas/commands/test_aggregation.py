"""aggregate over the wire: cursors, places of stages, other collections, search."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from bson.binary import Binary, BinaryVectorDtype
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import ExecutionTimeout, OperationFailure
from pymongo.operations import SearchIndexModel

Docs = Database[dict[str, Any]]

KNN = {
    "mappings": {
        "fields": {
            "v": {"type": "knnVector", "dimensions": 2, "similarity": "euclidean"},
            "color": {"type": "token"},
        }
    }
}
VECTOR = {
    "fields": [
        {"type": "vector", "path": "v", "numDimensions": 2, "similarity": "euclidean"},
        {"type": "filter", "path": "color"},
    ]
}


def wait_until_queryable(collection: Collection[dict[str, Any]]) -> None:
    deadline = time.monotonic() + 30
    while not all(index["queryable"] for index in collection.list_search_indexes()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def shop(db: Docs) -> Docs:
    db.items.insert_many(
        [
            {"_id": i, "color": ["red", "blue"][i % 2], "brand": i % 3, "v": [float(i), 0.0]}
            for i in range(12)
        ]
    )
    db.brands.insert_many([{"_id": i, "name": f"brand {i}"} for i in range(3)])
    return db


@pytest.fixture
def searchable(shop: Docs) -> Docs:
    shop.items.create_search_indexes(
        [SearchIndexModel(KNN, name="knn"), SearchIndexModel(VECTOR, "vector", "vectorSearch")]
    )
    wait_until_queryable(shop.items)
    return shop


def knn_beta(limit: int, **options: Any) -> list[dict[str, Any]]:
    operator = {"path": "v", "vector": [0.0, 0.0], "k": 100, **options}
    return [{"$search": {"index": "knn", "knnBeta": operator}}, {"$limit": limit}]


def vector_search(limit: int, **options: Any) -> list[dict[str, Any]]:
    stage = {"index": "vector", "path": "v", "queryVector": [0.0, 0.0], "numCandidates": 100}
    return [{"$vectorSearch": {**stage, "limit": limit, **options}}]


def ids(cursor: Any) -> list[Any]:
    return [document["_id"] for document in cursor]


def test_stages_run_in_their_order(shop: Docs) -> None:
    pipeline = [
        {"$match": {"color": "red"}},
        {"$group": {"_id": "$brand", "n": {"$sum": 1}}},
        {"$sort": {"_id": -1}},
        {"$limit": 2},
    ]

    assert list(shop.items.aggregate(pipeline)) == [{"_id": 2, "n": 2}, {"_id": 1, "n": 2}]


def test_lookup_reads_the_other_collection(shop: Docs) -> None:
    join = {"from": "brands", "localField": "brand", "foreignField": "_id", "as": "brand"}
    pipeline = [{"$match": {"_id": 4}}, {"$lookup": join}, {"$project": {"brand.name": 1}}]

    assert list(shop.items.aggregate(pipeline)) == [{"_id": 4, "brand": [{"name": "brand 1"}]}]


def test_result_is_fetched_in_batches(db: Docs) -> None:
    db.c.insert_many([{"_id": i} for i in range(250)])

    first = db.command("aggregate", "c", pipeline=[], cursor={"batchSize": 10})["cursor"]
    rest = db.command("getMore", first["id"], collection="c")["cursor"]

    assert len(first["firstBatch"]) == 10
    assert ids(first["firstBatch"] + rest["nextBatch"]) == list(range(250))
    assert ids(db.c.aggregate([])) == list(range(250))


def test_let_is_seen_by_the_stages(shop: Docs) -> None:
    pipeline = [{"$match": {"$expr": {"$eq": ["$_id", "$$wanted"]}}}]

    assert ids(shop.items.aggregate(pipeline, let={"wanted": 5})) == [5]


def test_missing_collection_is_empty(db: Docs) -> None:
    assert list(db.missing.aggregate([{"$match": {"a": 1}}])) == []
    assert list(db.missing.aggregate([{"$count": "n"}])) == []


def test_pipeline_without_a_collection_reads_its_own_documents(db: Docs) -> None:
    assert list(db.aggregate([{"$documents": [{"a": 1}]}])) == [{"a": 1}]


@pytest.mark.parametrize(
    ("pipeline", "cause"),
    [
        ([{"$match": {}}], "'$match'; a collection is required."),
        ([{"$search": {"knnBeta": {}}}], "'$search'; a collection is required."),
        ([{"$vectorSearch": {"limit": 1}}], "'$vectorSearch'; a collection is required."),
        ([{"$listSearchIndexes": {}}], "'$listSearchIndexes'; a collection is required."),
        ([], "an empty pipeline."),
    ],
)
def test_pipeline_without_a_collection_must_not_need_one(
    db: Docs, pipeline: list[dict[str, Any]], cause: str
) -> None:
    with pytest.raises(OperationFailure) as caught:
        db.aggregate(pipeline)

    assert caught.value.code == 73
    assert caught.value.details is not None
    assert caught.value.details["errmsg"] == f"{{aggregate: 1}} is not valid for {cause}"


def test_count_documents_counts(shop: Docs) -> None:
    assert shop.items.count_documents({"color": "red"}) == 6
    assert shop.items.count_documents({}, skip=2, limit=5) == 5


def test_time_limit_ends_a_long_pipeline(db: Docs) -> None:
    db.c.insert_many([{"a": list(range(100))} for _ in range(3000)])

    with pytest.raises(ExecutionTimeout):
        list(db.c.aggregate([{"$unwind": "$a"}, {"$sort": {"a": 1}}], maxTimeMS=1))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param({"pipeline": [{"$geoNear": {}}], "cursor": {}}, 40324, id="unknown stage"),
        pytest.param({"pipeline": []}, 9, id="no cursor"),
        pytest.param({"pipeline": {}, "cursor": {}}, 14, id="pipeline is a document"),
        pytest.param({"cursor": {}}, 40414, id="no pipeline"),
        pytest.param({"pipeline": [], "cursor": {}, "bogus": 1}, 40415, id="unknown field"),
        pytest.param({"pipeline": [], "cursor": {}, "hint": "x"}, 2, id="unknown hint"),
        pytest.param(
            {"pipeline": [{"$limit": 1}, *knn_beta(1)], "cursor": {}}, 40602, id="search not first"
        ),
        pytest.param(
            {"pipeline": [{"$facet": {"a": knn_beta(1)}}], "cursor": {}}, 40600, id="in a facet"
        ),
    ],
)
def test_malformed_aggregate_is_refused(shop: Docs, command: dict[str, Any], code: int) -> None:
    with pytest.raises(OperationFailure) as refused:
        shop.command({"aggregate": "items", **command})

    assert refused.value.code == code


def test_refused_stage_says_that_it_is_not_emulated(shop: Docs) -> None:
    with pytest.raises(OperationFailure, match="not emulated by LocalAtlas") as refused:
        list(shop.items.aggregate([{"$densify": {}}]))

    assert refused.value.code == 40324


@pytest.mark.parametrize("search", [knn_beta, vector_search], ids=["knnBeta", "vectorSearch"])
def test_search_returns_whole_documents_nearest_first(
    searchable: Docs, search: Callable[..., list[dict[str, Any]]]
) -> None:
    found = list(searchable.items.aggregate(search(3)))

    assert ids(found) == [0, 1, 2]
    assert found[1] == {"_id": 1, "color": "blue", "brand": 1, "v": [1.0, 0.0]}


def test_score_is_that_of_the_stage(searchable: Docs) -> None:
    search = {"$project": {"score": {"$meta": "searchScore"}}}
    vector = {"$project": {"score": {"$meta": "vectorSearchScore"}}}

    by_search = list(searchable.items.aggregate([*knn_beta(2), search]))
    by_vector = list(searchable.items.aggregate([*vector_search(2), vector]))

    assert by_search == by_vector == [{"_id": 0, "score": 1.0}, {"_id": 1, "score": 0.5}]


def test_filters_of_both_stages_agree(searchable: Docs) -> None:
    equals = {"equals": {"path": "color", "value": "blue"}}

    by_search = searchable.items.aggregate(knn_beta(3, filter=equals))
    by_vector = searchable.items.aggregate(vector_search(3, filter={"color": "blue"}))

    assert ids(by_search) == ids(by_vector) == [1, 3, 5]


def test_search_may_start_the_pipeline_of_union_and_lookup(searchable: Docs) -> None:
    union = {"$unionWith": {"coll": "items", "pipeline": vector_search(2)}}
    lookup = {"$lookup": {"from": "items", "pipeline": vector_search(1), "as": "near"}}

    united = searchable.brands.aggregate([{"$limit": 1}, union])
    joined = list(searchable.brands.aggregate([{"$limit": 1}, lookup]))

    assert ids(united) == [0, 0, 1]
    assert ids(joined[0]["near"]) == [0]


def test_write_is_searchable_when_it_is_acknowledged(searchable: Docs) -> None:
    items = searchable.items
    items.insert_one({"_id": "new", "v": Binary.from_vector([0.1, 0.0], BinaryVectorDtype.FLOAT32)})
    items.delete_one({"_id": 1})
    items.update_one({"_id": 2}, {"$set": {"v": [90.0, 0.0]}})

    assert ids(items.aggregate(vector_search(3))) == [0, "new", 3]


def test_search_of_a_collection_that_was_made_again_finds_nothing(searchable: Docs) -> None:
    searchable.items.drop()
    searchable.items.insert_one({"_id": 1, "v": [0.0, 0.0]})

    assert list(searchable.items.list_search_indexes()) == []
    assert list(searchable.items.aggregate(vector_search(3))) == []


def test_search_goes_on_under_another_name(searchable: Docs) -> None:
    searchable.items.rename("goods")

    assert ids(searchable.goods.aggregate(vector_search(2))) == [0, 1]


def test_window_fields_rank_within_partitions(shop: Docs) -> None:
    rank = {"partitionBy": "$color", "sortBy": {"_id": -1}, "output": {"place": {"$rank": {}}}}
    pipeline = [{"$setWindowFields": rank}, {"$match": {"place": 1}}, {"$project": {"place": 1}}]

    assert list(shop.items.aggregate(pipeline)) == [
        {"_id": 11, "place": 1},
        {"_id": 10, "place": 1},
    ]
