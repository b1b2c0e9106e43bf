"""$out over the wire: a collection replaced at once, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from bson import Int64, ObjectId
from pymongo import ReadPreference
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure
from pymongo.read_concern import ReadConcern

from app.local_atlas.options import ServerOptions
from tests.local_atlas.nodes import serving
from tests.local_atlas.search.asking import indexed, vector_definition, vector_search

Docs = Database[dict[str, Any]]
Doc = dict[str, Any]


@pytest.fixture
def shop(db: Docs) -> Docs:
    db.items.insert_many([{"_id": i, "brand": i % 2, "price": Int64(i)} for i in range(6)])
    return db


def ids(cursor: Any) -> list[Any]:
    return [document["_id"] for document in cursor]


def refusal(db: Docs, pipeline: list[Doc]) -> Doc:
    with pytest.raises(OperationFailure) as refused:
        db.items.aggregate(pipeline)
    assert refused.value.details is not None
    return dict(refused.value.details)


def test_results_are_stored_and_none_are_returned(shop: Docs) -> None:
    group = {"$group": {"_id": "$brand", "price": {"$sum": "$price"}}}

    returned = list(shop.items.aggregate([group, {"$sort": {"_id": 1}}, {"$out": "prices"}]))

    assert returned == []
    assert list(shop.prices.find()) == [{"_id": 0, "price": 6}, {"_id": 1, "price": 9}]


def test_what_was_there_is_replaced_and_ordinary_indexes_stay(shop: Docs) -> None:
    shop.copy.insert_many([{"_id": i, "price": i} for i in range(100, 105)])
    shop.copy.create_index("price", unique=True)
    shop.copy.create_index([("brand", 1), ("price", -1)], name="both", sparse=True)
    before = shop.copy.index_information()

    shop.items.aggregate([{"$out": "copy"}])

    assert list(shop.copy.find()) == list(shop.items.find())
    assert shop.copy.index_information() == before
    assert ids(shop.copy.find({"price": 3})) == [3]
    with pytest.raises(DuplicateKeyError):
        shop.copy.insert_one({"price": 3})


def test_collection_of_the_pipeline_may_be_replaced_itself(shop: Docs) -> None:
    shop.items.aggregate([{"$match": {"brand": 1}}, {"$unset": "price"}, {"$out": "items"}])

    assert list(shop.items.find()) == [{"_id": i, "brand": 1} for i in (1, 3, 5)]


def test_other_database_is_written_to(shop: Docs) -> None:
    other = shop.client[f"{shop.name}_other"]
    try:
        shop.items.aggregate([{"$limit": 1}, {"$out": {"db": other.name, "coll": "first"}}])

        assert ids(other.first.find()) == [0]
        assert "first" not in shop.list_collection_names()
    finally:
        shop.client.drop_database(other)


def test_nothing_found_leaves_an_empty_collection(shop: Docs) -> None:
    shop.copy.insert_one({"_id": 1})

    shop.items.aggregate([{"$match": {"brand": 9}}, {"$out": "copy"}])
    shop.missing.aggregate([{"$out": "new"}])

    assert shop.copy.count_documents({}) == 0
    assert "new" in shop.list_collection_names()


def test_results_without_an_id_get_one(shop: Docs) -> None:
    shop.items.aggregate([{"$project": {"_id": 0, "brand": 1}}, {"$limit": 1}, {"$out": "copy"}])

    (document,) = shop.copy.find()
    assert isinstance(document["_id"], ObjectId)
    assert list(document) == ["_id", "brand"]


def test_documents_of_the_pipeline_itself_are_stored(db: Docs) -> None:
    db.aggregate([{"$documents": [{"_id": 1}, {"_id": 2}]}, {"$out": "made"}])

    assert ids(db.made.find()) == [1, 2]


def test_more_results_than_one_batch_are_stored_in_their_order(db: Docs) -> None:
    db.items.insert_many([{"_id": i} for i in range(2500)])

    db.items.aggregate([{"$sort": {"_id": -1}}, {"$out": "copy"}])

    assert ids(db.copy.find()) == list(reversed(range(2500)))


def test_results_beyond_the_memory_that_is_kept_for_them_are_stored(
    db: Docs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.local_atlas.spool._IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr("app.local_atlas.spool._BATCH_BYTES", 3000)
    db.items.insert_many([{"_id": i, "text": "x" * 400} for i in range(50)])

    db.items.aggregate([{"$out": "copy"}])

    assert list(db.copy.find()) == list(db.items.find())


@pytest.mark.parametrize("failing", [{"_id": 1}, {"price": Int64(3)}], ids=["_id", "unique index"])
def test_duplicate_key_leaves_everything_as_it_was(shop: Docs, failing: Doc) -> None:
    shop.copy.insert_one({"_id": "old", "price": 77})
    shop.copy.create_index("price", unique=True)
    same = {"$set": failing}

    refused = refusal(shop, [same, {"$out": "copy"}])

    (field,) = failing
    assert refused["code"] == 11000
    assert refused["keyValue"] == failing
    assert f"dup key: {{ {field}: " in refused["errmsg"]
    assert list(shop.copy.find()) == [{"_id": "old", "price": 77}]
    assert set(shop.copy.index_information()) == {"_id_", "price_1"}
    assert len(shop.list_collection_names()) == 2


def test_failing_pipeline_leaves_everything_as_it_was(shop: Docs) -> None:
    divide = {"$set": {"x": {"$divide": [1, {"$subtract": ["$_id", 3]}]}}}
    shop.copy.insert_one({"_id": "old"})

    assert refusal(shop, [divide, {"$out": "copy"}])["code"] == 2
    assert refusal(shop, [divide, {"$out": "new"}])["code"] == 2

    assert ids(shop.copy.find()) == ["old"]
    assert "new" not in shop.list_collection_names()


def test_search_index_of_the_target_is_gone_as_on_atlas(db: Docs) -> None:
    collection = indexed(db.c, [{"_id": 1, "v": [1.0, 0.0]}], vector_definition())
    db.source.insert_one({"_id": 2, "v": [1.0, 0.0]})

    db.source.aggregate([{"$out": "c"}])

    assert list(collection.list_search_indexes()) == []
    assert vector_search(collection, queryVector=[1.0, 0.0]) == []


def test_results_are_there_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, ServerOptions()) as client:
        client.db.items.insert_many([{"_id": i} for i in range(3)])
        client.db.copy.create_index("a")
        client.db.items.aggregate([{"$out": "copy"}])
    with serving(tmp_path, ServerOptions()) as client:
        assert ids(client.db.copy.find()) == [0, 1, 2]
        assert set(client.db.copy.index_information()) == {"_id_", "a_1"}


def test_read_preference_and_write_concern_are_taken(shop: Docs) -> None:
    items = shop.items.with_options(read_preference=ReadPreference.SECONDARY_PREFERRED)

    items.aggregate([{"$out": "copy"}], batchSize=1, allowDiskUse=True, comment="why")

    assert shop.copy.count_documents({}) == 6


REFUSED = [
    pytest.param([{"$out": 1}], 16990, "$out only supports a string or object", id="number"),
    pytest.param([{"$out": {"db": "x"}}], 40414, "'$out.coll' is missing", id="no coll"),
    pytest.param([{"$out": {"coll": "x"}}], 40414, "'$out.db' is missing", id="no db"),
    pytest.param(
        [{"$out": {"db": 1, "coll": "x"}}], 14, "'$out.db' is the wrong type 'int'", id="db"
    ),
    pytest.param(
        [{"$out": {"db": "d", "coll": "x", "to": 1}}], 40415, "'$out.to' is an unknown", id="to"
    ),
    pytest.param(
        [{"$out": {"db": "d", "coll": "x", "timeseries": {"timeField": "t"}}}],
        40415,
        "(not emulated by LocalAtlas)",
        id="timeseries",
    ),
    pytest.param([{"$out": ""}], 73, "Invalid $out target namespace", id="empty"),
    pytest.param([{"$out": "a$b"}], 73, "Invalid $out target namespace", id="dollar"),
    pytest.param(
        [{"$out": {"db": "a.b", "coll": "x"}}], 73, "namespace, a.b.x", id="database name"
    ),
    pytest.param([{"$out": "system.x"}], 17385, "to special collection: system.x", id="system"),
    pytest.param(
        [{"$out": {"db": "admin", "coll": "x"}}], 31321, "internal database: admin", id="admin"
    ),
    pytest.param(
        [{"$out": "x"}, {"$limit": 1}], 40601, "$out can only be the final stage", id="not last"
    ),
    pytest.param([{"$facet": {"a": [{"$out": "x"}]}}], 40600, "within a $facet stage", id="facet"),
    pytest.param(
        [{"$lookup": {"from": "items", "pipeline": [{"$out": "x"}], "as": "a"}}],
        51047,
        "$out is not allowed within a $lookup's sub-pipeline",
        id="lookup",
    ),
    pytest.param(
        [{"$unionWith": {"coll": "items", "pipeline": [{"$out": "x"}]}}],
        31441,
        "$out is not allowed within a $unionWith's sub-pipeline",
        id="union",
    ),
]


@pytest.mark.parametrize(("pipeline", "code", "message"), REFUSED)
def test_what_cannot_be_written_to_is_refused_before_anything_is_read(
    shop: Docs, pipeline: list[Doc], code: int, message: str
) -> None:
    refused = refusal(shop, pipeline)

    assert refused["code"] == code
    assert message in refused["errmsg"]
    assert shop.list_collection_names() == ["items"]


def test_linearizable_reads_are_refused(shop: Docs) -> None:
    items = shop.items.with_options(read_concern=ReadConcern("linearizable"))

    with pytest.raises(OperationFailure, match="'linearizable' read concern level") as refused:
        items.aggregate([{"$out": "copy"}])

    assert refused.value.code == 72


def test_update_may_not_write_elsewhere(shop: Docs) -> None:
    with pytest.raises(OperationFailure, match="not allowed to be used within an update"):
        shop.items.update_one({"_id": 1}, [{"$out": "x"}])
