"""What is at the limits of MongoDB, and beyond them: refused, and nobody else minds."""

import socket
from typing import Any

import bson
import pytest
from bson import Code, Decimal128
from pymongo.database import Database
from pymongo.errors import OperationFailure

from app.local_atlas.wire import BodySection, DocumentSequence, OpMsg
from tests.local_atlas.peers import ask, send_command
from tests.local_atlas.search.asking import create_index

Docs = Database[dict[str, Any]]
MAX_BYTES = 16 * 1024 * 1024


def nested(levels: int, name: str = "a") -> dict[str, Any]:
    """A document of that many levels."""
    value: dict[str, Any] = {name: 1}
    for _ in range(levels - 1):
        value = {name: value}
    return value


def refusal(db: Docs, command: dict[str, Any]) -> int | None:
    with pytest.raises(OperationFailure) as refused:
        db.command(command)
    return refused.value.code


def test_document_of_180_levels_is_stored_found_sorted_and_indexed(db: Docs) -> None:
    db.c.insert_many([{"_id": i, "x": nested(179)} for i in range(2)])

    db.c.create_index("x")

    assert [each["_id"] for each in db.c.find({"x": nested(179)})] == [0, 1]
    assert [each["_id"] for each in db.c.find().sort({"x": 1, "_id": -1})] == [1, 0]
    assert len(list(db.c.aggregate([{"$group": {"_id": "$x"}}]))) == 1


@pytest.mark.parametrize(
    "write",
    [
        {"insert": "c", "documents": [{"_id": 1, "x": nested(180)}]},
        {"update": "c", "updates": [{"q": {"_id": 1}, "u": {"$set": {"x": nested(180)}}}]},
        {"update": "c", "updates": [{"q": {"_id": 1}, "u": {"x": nested(180)}}]},
        {"update": "c", "updates": [{"q": {"_id": 2}, "u": {"x": nested(180)}, "upsert": True}]},
        {"update": "c", "updates": [{"q": {"_id": 1}, "u": [{"$set": {"x": nested(180)}}]}]},
    ],
    ids=["insert", "$set", "replace", "upsert", "pipeline"],
)
def test_document_of_181_levels_is_refused(db: Docs, write: dict[str, Any]) -> None:
    db.c.insert_one({"_id": 1})

    errors = db.command(write)["writeErrors"]

    assert [error["code"] for error in errors] == [15]
    assert list(db.c.find()) == [{"_id": 1}]


@pytest.mark.parametrize("levels", [201, 3000])
def test_command_of_more_than_200_levels_is_answered_with_an_error(
    peer: socket.socket, levels: int
) -> None:
    raw = bson.encode({"$db": "admin", "x": {}})
    for _ in range(levels):
        raw = (len(raw) + 8).to_bytes(4, "little") + b"\x03x\0" + raw + b"\0"

    reply = ask(peer, OpMsg(1, 0, 0, (BodySection(raw),)))

    assert (reply["ok"], reply["code"]) == (0.0, 15)
    assert send_command(peer, {"ping": 1, "$db": "admin"})["ok"] == 1


@pytest.mark.parametrize("operator", ["$elemMatch", "$not"])
def test_filter_that_is_too_deep_to_be_run_is_refused(db: Docs, operator: str) -> None:
    deep: dict[str, Any] = {"$gt": 1}
    for _ in range(190):
        deep = {operator: deep}
    try:
        list(db.c.find({"x": deep}))
    except OperationFailure as refused:
        assert refused.code == 15  # noqa: PT017 - it may just as well be run


def test_document_of_16_mebibytes_is_stored_and_one_byte_more_refused(
    db: Docs, peer: socket.socket
) -> None:
    room = MAX_BYTES - len(bson.encode({"_id": 1, "x": ""}))
    body = BodySection(bson.encode({"insert": "c", "$db": db.name}))

    def insert(document: dict[str, Any]) -> dict[str, Any]:
        documents = DocumentSequence("documents", (bson.encode(document),))
        return ask(peer, OpMsg(1, 0, 0, (body, documents)))

    assert insert({"_id": 1, "x": "x" * room})["n"] == 1
    errors = insert({"_id": 2, "x": "x" * (room + 1)})["writeErrors"]

    assert [error["code"] for error in errors] == [10334]
    found = db.c.find_one({})
    assert found is not None
    assert len(found["x"]) == room
    assert db.c.count_documents({}) == 1


def test_update_that_makes_a_document_too_large_changes_nothing(db: Docs) -> None:
    db.c.insert_one({"_id": 1, "x": "x" * (MAX_BYTES - 100)})

    errors = db.command(
        "update", "c", updates=[{"q": {"_id": 1}, "u": {"$set": {"y": "y" * 100}}}]
    )["writeErrors"]

    assert [error["code"] for error in errors] == [10334]
    assert db.c.find_one({"y": {"$exists": True}}) is None


def test_result_that_no_document_can_hold_is_an_error(db: Docs) -> None:
    db.c.insert_many([{"x": "x" * 9_000_000} for _ in range(2)])

    group = {"$group": {"_id": None, "all": {"$push": "$x"}}}

    assert refusal(db, {"aggregate": "c", "pipeline": [group], "cursor": {}}) == 10334


def test_lookups_that_multiply_are_stopped(db: Docs) -> None:
    db.c.insert_many([{"x": "x" * 1000} for _ in range(10)])
    pipeline: list[dict[str, Any]] = []
    for _ in range(12):
        pipeline = [{"$lookup": {"from": "c", "as": "all", "pipeline": pipeline}}]

    assert refusal(db, {"aggregate": "c", "pipeline": pipeline, "cursor": {}}) == 4568


def test_pipelines_in_pipelines_are_refused_at_the_twenty_first(db: Docs) -> None:
    def holding(depth: int) -> dict[str, Any]:
        pipeline: list[dict[str, Any]] = [{"$match": {"_id": None}}]
        for _ in range(depth):
            pipeline = [{"$unionWith": {"coll": "c", "pipeline": pipeline}}]
        return {"aggregate": "c", "pipeline": pipeline, "cursor": {}}

    assert db.command(holding(20))["ok"] == 1
    assert refusal(db, holding(21)) == 232


def test_range_that_would_fill_the_memory_is_refused(db: Docs) -> None:
    stages = [{"$documents": [{}]}, {"$project": {"x": {"$range": [0, 2**31 - 1]}}}]

    assert refusal(db, {"aggregate": 1, "pipeline": stages, "cursor": {}}) == 146


@pytest.mark.parametrize(
    ("start", "grow", "code"),
    [
        ("x", {"$concat": ["$$value", "$$value"]}, 13548),
        (["x"], {"$concatArrays": ["$$value", "$$value"]}, 146),
        (
            "xx",
            {"$replaceAll": {"input": "$$value", "find": "x", "replacement": "$$value"}},
            13548,
        ),
    ],
    ids=["$concat", "$concatArrays", "$replaceAll"],
)
def test_value_that_doubles_again_and_again_is_refused(
    db: Docs, start: Any, grow: dict[str, Any], code: int
) -> None:
    reduced = {"$reduce": {"input": {"$range": [0, 60]}, "initialValue": start, "in": grow}}
    stages = [{"$documents": [{}]}, {"$project": {"x": {"$strLenCP": {"$toString": reduced}}}}]

    assert refusal(db, {"aggregate": 1, "pipeline": stages, "cursor": {}}) == code


def test_unwinding_what_multiplies_ends_when_its_time_is_up(db: Docs) -> None:
    numbers = {"$set": {"x": {"$range": [0, 3000]}}}
    unwind = {"$unwind": "$x"}
    stages = [{"$documents": [{}]}, numbers, unwind, numbers, unwind, numbers, unwind]
    count = [*stages, {"$count": "n"}]

    assert refusal(db, {"aggregate": 1, "pipeline": count, "cursor": {}, "maxTimeMS": 100}) == 50


@pytest.mark.parametrize(
    "write",
    [
        {"update": "c", "updates": [{"q": {"n": -1}, "u": {"$inc": {"n": 1}}, "multi": True}]},
        {"delete": "c", "deletes": [{"q": {"n": {"$lt": 0}}, "limit": 0}]},
        {"findAndModify": "c", "query": {"n": -1}, "update": {"$set": {"n": 1}}},
    ],
    ids=["update", "delete", "findAndModify"],
)
def test_write_that_looks_for_too_long_ends_and_changes_nothing(
    db: Docs, write: dict[str, Any]
) -> None:
    db.c.insert_many([{"n": i, "text": "x" * 500} for i in range(5000)])

    reply = db.command({**write, "maxTimeMS": 1}, check=False)

    failures = [reply, *reply.get("writeErrors", ())]
    assert 50 in [failure.get("code") for failure in failures]
    assert db.c.count_documents({"n": {"$gte": 0}}) == 5000


def test_in_takes_a_hundred_thousand_values(db: Docs) -> None:
    db.c.insert_many([{"_id": i, "x": i} for i in range(10)])
    values = list(range(5, 100_000))

    assert db.c.count_documents({"_id": {"$in": values}}) == 5
    assert db.c.count_documents({"x": {"$in": values}}) == 5
    assert db.c.count_documents({"x": {"$nin": values}}) == 5


def test_bit_far_beyond_every_value_is_its_sign(db: Docs) -> None:
    db.c.insert_many([{"_id": 1, "x": -1}, {"_id": 2, "x": 1}, {"_id": 3, "x": b"\xff"}])

    far = 2**31 - 1

    assert [one["_id"] for one in db.c.find({"x": {"$bitsAllSet": [far]}})] == [1]
    assert [one["_id"] for one in db.c.find({"x": {"$bitsAllClear": [far]}})] == [2, 3]


ODD_NAMES = ["é", "衣服", "a b", "a'b", 'a"b', "a;DROP TABLE", "x" * 200, "a\nb", "%s", "a.b.c"]


def test_collections_and_fields_may_have_odd_names(db: Docs) -> None:
    for name in ODD_NAMES:
        db[name].insert_one({"_id": name, name.replace(".", "_"): name})
        db[name].create_index(name)

    assert set(db.list_collection_names()) == set(ODD_NAMES)
    for name in ODD_NAMES:
        assert db[name].find_one({"_id": name}) == {"_id": name, name.replace(".", "_"): name}
        db[name].drop()
    assert db.list_collection_names() == []


@pytest.mark.parametrize("name", ["", ".a", "a$b", "a\0b", Code("c"), 1, None, [], {"a": 1}])
@pytest.mark.parametrize("command", ["find", "insert", "drop", "create", "count"])
def test_name_that_no_collection_can_have_is_refused(
    peer: socket.socket, db: Docs, command: str, name: Any
) -> None:
    fields = {"documents": [{}]} if command == "insert" else {}

    reply = send_command(peer, {command: name, **fields, "$db": db.name})

    assert (reply["ok"], reply["code"]) == (0.0, 73)


def test_many_databases_and_collections_are_listed(db: Docs) -> None:
    client = db.client
    databases = [f"{db.name}_{i}" for i in range(30)]
    try:
        for name in databases:
            for i in range(10):
                client[name].create_collection(f"c{i}")
        listed = client.list_database_names()
        assert set(databases) <= set(listed)
        assert all(len(client[name].list_collection_names()) == 10 for name in databases)
    finally:
        for name in databases:
            client.drop_database(name)


def test_cursors_left_open_by_the_thousand_keep_what_they_had(db: Docs) -> None:
    db.c.insert_many([{"_id": i} for i in range(5)])
    cursors = [db.command("find", "c", batchSize=2)["cursor"]["id"] for _ in range(2000)]
    assert len(set(cursors)) == 2000

    rest = db.command("getMore", cursors[1000], collection="c")["cursor"]["nextBatch"]
    killed = db.command("killCursors", "c", cursors=cursors)

    assert [one["_id"] for one in rest] == [2, 3, 4]
    assert len(killed["cursorsKilled"]) == 1999
    assert killed["cursorsNotFound"] == [cursors[1000]]


@pytest.mark.parametrize("ids", [[Code("x")], [{}], ["1"], [1.5], [None], [True]], ids=str)
def test_cursor_id_that_is_none_is_refused(peer: socket.socket, db: Docs, ids: list[Any]) -> None:
    assert send_command(peer, {"killCursors": "c", "cursors": ids, "$db": db.name})["code"] == 14


@pytest.mark.parametrize("value", [float("nan"), Decimal128("NaN")], ids=["double", "decimal"])
def test_limit_that_is_not_a_number_is_none(db: Docs, value: Any) -> None:
    db.c.insert_many([{}, {}])

    assert len(db.command("find", "c", limit=value)["cursor"]["firstBatch"]) == 2


def test_skip_and_limit_may_be_as_large_as_numbers_go(db: Docs) -> None:
    db.c.insert_many([{"_id": i} for i in range(3)])
    most = 2**63 - 1

    found = db.command("find", "c", skip=1, limit=most)["cursor"]["firstBatch"]
    piped = list(db.c.aggregate([{"$skip": 1}, {"$limit": most}]))

    assert found == piped == [{"_id": 1}, {"_id": 2}]


def test_code_is_no_path_and_no_text(db: Docs) -> None:
    db.c.insert_one({"_id": 1, "a": "x", "code": Code("$a")})

    shown = next(iter(db.c.aggregate([{"$project": {"literal": Code("$a"), "c": "$code"}}])))

    assert shown == {"_id": 1, "literal": Code("$a"), "c": Code("$a")}
    assert refusal(db, {"find": "c", "filter": {"a": {"$regex": Code("x")}}}) == 2


def test_index_may_not_be_named_by_code(db: Docs) -> None:
    index = {"key": {"a": 1}, "name": Code("a")}
    search = {"name": Code("a"), "definition": {"mappings": {"dynamic": True}}}
    db.create_collection("c")

    assert refusal(db, {"createIndexes": "c", "indexes": [index]}) in (9, 14)
    assert refusal(db, {"createSearchIndexes": "c", "indexes": [search]}) == 14


def test_code_in_a_document_is_no_text_to_search(db: Docs) -> None:
    db.c.insert_many([{"_id": 1, "a": "red"}, {"_id": 2, "a": Code("red")}])
    create_index(db.c, {"mappings": {"dynamic": True}})

    hits = db.c.aggregate([{"$search": {"text": {"path": "a", "query": "red"}}}])

    assert [hit["_id"] for hit in hits] == [1]


def test_insert_of_more_than_a_hundred_thousand_documents_is_refused(
    db: Docs, peer: socket.socket
) -> None:
    body = BodySection(bson.encode({"insert": "c", "$db": db.name}))
    documents = (bson.encode({}),) * 100_001

    reply = ask(peer, OpMsg(1, 0, 0, (body, DocumentSequence("documents", documents))))

    assert (reply["ok"], reply["code"]) == (0.0, 16)
    assert db.list_collection_names() == []
