"""Collections and databases: create, drop, list, rename, sizes."""

from typing import Any

import pytest
from bson.binary import Binary
from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import OperationFailure

Docs = Database[dict[str, Any]]


def test_created_collection_is_listed_with_its_identity(db: Docs) -> None:
    db.create_collection("c")

    (entry,) = db.list_collections()

    assert entry["name"] == "c"
    assert entry["type"] == "collection"
    assert entry["options"] == {}
    assert entry["idIndex"] == {"v": 2, "key": {"_id": 1}, "name": "_id_"}
    assert isinstance(entry["info"]["uuid"], Binary)


def test_create_of_an_existing_collection_changes_nothing(db: Docs) -> None:
    db.c.insert_one({"_id": 1})

    db.command("create", "c")

    assert list(db.c.find()) == [{"_id": 1}]


@pytest.mark.parametrize(
    "option",
    [
        {"timeseries": {"timeField": "t"}},
        {"clusteredIndex": {"key": {"_id": 1}, "unique": True}},
        {"collation": {"locale": "en"}},
    ],
    ids=lambda option: next(iter(option)),
)
def test_option_that_is_not_emulated_is_refused_by_name(db: Docs, option: dict[str, Any]) -> None:
    with pytest.raises(OperationFailure, match="not emulated by LocalAtlas"):
        db.command("create", "c", **option)

    assert db.list_collection_names() == []


def test_collections_are_filtered_and_sorted_by_name(db: Docs) -> None:
    for name in ("b", "a", "c.d"):
        db.create_collection(name)

    assert db.list_collection_names() == ["a", "b", "c.d"]
    assert db.list_collection_names(filter={"name": {"$regex": "^c"}}) == ["c.d"]


def test_dropped_collection_is_gone_with_documents_and_indexes(db: Docs) -> None:
    db.c.create_index("a", unique=True)
    db.c.insert_one({"_id": 1, "a": 1})

    reply = db.command("drop", "c")

    assert reply["nIndexesWas"] == 2
    assert db.list_collection_names() == []
    db.c.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": 1}])
    assert db.c.index_information().keys() == {"_id_"}


def test_collection_that_is_made_again_has_another_uuid(db: Docs) -> None:
    db.create_collection("c")
    (before,) = db.list_collections()
    db.c.drop()
    db.create_collection("c")

    (after,) = db.list_collections()

    assert before["info"]["uuid"] != after["info"]["uuid"]


def test_drop_of_a_missing_collection_is_no_error(db: Docs) -> None:
    assert db.command("drop", "missing")["ok"] == 1


def test_dropped_database_is_gone(db: Docs) -> None:
    db.a.insert_one({})
    db.b.insert_one({})
    assert db.name in db.client.list_database_names()

    db.client.drop_database(db.name)

    assert db.name not in db.client.list_database_names()
    assert db.list_collection_names() == []


def test_databases_are_listed_with_a_size(db: Docs) -> None:
    db.c.insert_one({})

    (entry,) = db.client.list_databases(filter={"name": db.name})

    assert entry["sizeOnDisk"] > 0
    assert entry["empty"] is False


def test_renamed_collection_keeps_documents_indexes_and_uuid(db: Docs) -> None:
    db.c.create_index("a", unique=True)
    db.c.insert_one({"_id": 1, "a": 1})
    (before,) = db.list_collections()

    db.c.rename("d")

    (after,) = db.list_collections()
    assert (after["name"], after["info"]["uuid"]) == ("d", before["info"]["uuid"])
    assert list(db.d.find()) == [{"_id": 1, "a": 1}]
    assert db.d.index_information().keys() == {"_id_", "a_1"}


def test_rename_replaces_a_target_only_where_asked(db: Docs) -> None:
    db.c.insert_one({"_id": "from c"})
    db.d.insert_one({"_id": "from d"})

    with pytest.raises(OperationFailure) as refused:
        db.c.rename("d")
    db.c.rename("d", dropTarget=True)

    assert refused.value.code == 48
    assert list(db.d.find()) == [{"_id": "from c"}]
    assert db.list_collection_names() == ["d"]


@pytest.mark.parametrize(("target", "code"), [("missing", 26), ("c", 20)])
def test_bad_rename_is_refused(db: Docs, target: str, code: int) -> None:
    db.create_collection("c")
    source = "missing" if target == "missing" else "c"

    with pytest.raises(OperationFailure) as refused:
        db.client.admin.command("renameCollection", f"{db.name}.{source}", to=f"{db.name}.{target}")

    assert refused.value.code == code


@pytest.mark.parametrize("target", ["d", ".d", "a b.d", "c.", "c.$d", "a/b.c.d"])
def test_rename_to_what_is_no_name_is_refused(db: Docs, target: str) -> None:
    db.create_collection("c")

    with pytest.raises(OperationFailure) as refused:
        db.client.admin.command("renameCollection", f"{db.name}.c", to=target)

    assert refused.value.code == 73
    assert db.list_collection_names() == ["c"]


def test_stats_count_documents_and_bytes(db: Docs) -> None:
    db.c.insert_many([{"_id": i} for i in range(10)])

    collection, database = db.command("collStats", "c"), db.command("dbStats")

    assert (collection["count"], collection["size"], collection["avgObjSize"]) == (10, 140, 14)
    assert (database["collections"], database["objects"], database["dataSize"]) == (1, 10, 140)
    assert db.command("collStats", "missing")["count"] == 0


def test_stats_tell_the_size_of_each_index(db: Docs) -> None:
    db.c.insert_many([{"_id": i, "a": "x" * 100, "b": i} for i in range(10)])
    db.c.create_indexes([IndexModel("a"), IndexModel([("b", 1), ("a", -1)])])

    stats = db.command("collStats", "c")

    sizes = stats["indexSizes"]
    assert list(sizes) == ["_id_", "a_1", "b_1_a_-1"]
    assert 0 < sizes["_id_"] < 1000 < sizes["a_1"] < sizes["b_1_a_-1"]
    assert stats["totalIndexSize"] == sum(sizes.values())
    assert stats["totalSize"] == stats["storageSize"] + stats["totalIndexSize"]
