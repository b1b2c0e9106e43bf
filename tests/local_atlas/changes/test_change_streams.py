"""Change streams as PyMongo sees them."""

import asyncio
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.timestamp import Timestamp
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, MongoClient
from pymongo.change_stream import ChangeStream
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from app.local_atlas import wire
from app.local_atlas.addresses import SocketAddress
from app.local_atlas.node import Node, start_node
from app.local_atlas.options import ServerOptions
from app.local_atlas.wire import BodySection, OpMsg
from tests.local_atlas.nodes import serving
from tests.local_atlas.processes import wait_until

Document = dict[str, Any]
Docs = Database[Document]
IMAGES = {"enabled": True}


@pytest.fixture
def stream(db: Docs) -> Iterator[ChangeStream[Document]]:
    """A stream of the collection `c`."""
    with db.c.watch() as opened:
        yield opened


def take(stream: ChangeStream[Document], count: int) -> list[Document]:
    """Return the next events without what differs from run to run."""
    events = list(islice(stream, count))
    assert len(events) == count
    return [
        {
            name: value
            for name, value in event.items()
            if name not in ("_id", "clusterTime", "wallTime")
        }
        for event in events
    ]


def operations(events: list[Document]) -> list[str]:
    return [event["operationType"] for event in events]


def write_some(collection: Collection[Document]) -> None:
    collection.insert_one({"_id": 1, "a": 1, "b": 1})
    collection.update_one({"_id": 1}, {"$set": {"a": 2}, "$unset": {"b": 1}})
    collection.replace_one({"_id": 1}, {"c": 1})
    collection.delete_one({"_id": 1})


def test_each_kind_of_write_is_an_event(db: Docs, stream: ChangeStream[Document]) -> None:
    write_some(db.c)

    namespace = {"ns": {"db": db.name, "coll": "c"}, "documentKey": {"_id": 1}}
    described = {"updatedFields": {"a": 2}, "removedFields": ["b"], "truncatedArrays": []}
    assert take(stream, 4) == [
        {"operationType": "insert", "fullDocument": {"_id": 1, "a": 1, "b": 1}, **namespace},
        {"operationType": "update", "updateDescription": described, **namespace},
        {"operationType": "replace", "fullDocument": {"_id": 1, "c": 1}, **namespace},
        {"operationType": "delete", **namespace},
    ]


def test_every_event_has_a_later_token_and_time(db: Docs, stream: ChangeStream[Document]) -> None:
    db.c.insert_many([{"_id": i} for i in range(5)])

    events = list(islice(stream, 5))

    for key in (lambda e: e["_id"]["_data"], lambda e: e["clusterTime"]):
        assert sorted(set(map(key, events))) == list(map(key, events))
    assert abs(events[0]["wallTime"].timestamp() - time.time()) < 3600


def test_bulk_upserts_are_inserts_and_replacements(
    db: Docs, stream: ChangeStream[Document]
) -> None:
    for value in (1, 2):
        updates = [{"q": {"_id": i}, "u": {"_id": i, "a": value}, "upsert": True} for i in range(3)]
        db.command({"update": "c", "updates": updates})

    assert operations(take(stream, 6)) == ["insert"] * 3 + ["replace"] * 3


def test_write_that_fails_is_no_event(db: Docs, stream: ChangeStream[Document]) -> None:
    db.c.insert_one({"_id": 1})
    for number in (1, 2):
        db.command({"insert": "c", "documents": [{"_id": 1}, {"_id": 5}]}, check=False)
        db.c.insert_one({"_id": 10 + number})

    keys = [event["documentKey"]["_id"] for event in take(stream, 3)]

    assert keys == [1, 11, 12]


def test_update_that_changes_nothing_is_no_event(db: Docs, stream: ChangeStream[Document]) -> None:
    db.c.insert_one({"_id": 1, "a": 1})
    db.c.update_one({"_id": 1}, {"$set": {"a": 1}})
    db.c.insert_one({"_id": 2})

    assert operations(take(stream, 2)) == ["insert", "insert"]


def test_other_collections_are_not_seen(db: Docs, stream: ChangeStream[Document]) -> None:
    db.other.insert_one({"_id": 1})
    db.c.insert_one({"_id": 2})

    assert take(stream, 1)[0]["documentKey"] == {"_id": 2}


def test_stream_of_a_database_sees_all_its_collections(db: Docs) -> None:
    with db.watch() as stream:
        db.a.insert_one({"_id": 1})
        db.b.insert_one({"_id": 1})
        db.client[f"{db.name}_other"].c.insert_one({"_id": 1})
        db.a.insert_one({"_id": 2})

        seen = [(event["ns"]["coll"], event["documentKey"]["_id"]) for event in take(stream, 3)]

    db.client.drop_database(f"{db.name}_other")
    assert seen == [("a", 1), ("b", 1), ("a", 2)]


def test_stream_of_the_client_sees_all_databases(db: Docs) -> None:
    other = db.client[f"{db.name}_other"]
    with db.client.watch() as stream:
        db.a.insert_one({"_id": 1})
        other.b.insert_one({"_id": 1})

        seen = [event["ns"] for event in take(stream, 2)]

    db.client.drop_database(other)
    assert seen == [{"db": db.name, "coll": "a"}, {"db": other.name, "coll": "b"}]


@pytest.mark.parametrize(
    ("end", "last"),
    [
        pytest.param(lambda db: db.c.drop(), "drop", id="drop"),
        pytest.param(lambda db: db.c.rename("d"), "rename", id="rename"),
        pytest.param(lambda db: db.b.rename("c", dropTarget=True), "drop", id="replaced"),
        pytest.param(lambda db: db.client.drop_database(db), "drop", id="dropDatabase"),
    ],
)
def test_stream_of_a_collection_ends_with_it(db: Docs, end: Any, last: str) -> None:
    db.b.insert_one({})
    db.c.insert_one({})
    with db.c.watch() as stream:
        end(db)

        events = [event["operationType"] for event in stream]

        assert events == [last, "invalidate"]
        assert not stream.alive


def test_stream_of_a_database_ends_with_it_and_not_with_a_collection(db: Docs) -> None:
    db.a.insert_one({})
    db.b.insert_one({})
    with db.watch() as stream:
        db.a.drop()
        db.client.drop_database(db)

        assert [e["operationType"] for e in stream] == [
            "drop",
            "drop",
            "dropDatabase",
            "invalidate",
        ]


def test_rename_tells_the_new_name(db: Docs) -> None:
    db.c.insert_one({})
    with db.watch() as stream:
        db.c.rename("d")

        assert take(stream, 1)[0]["to"] == {"db": db.name, "coll": "d"}


def test_pipeline_chooses_and_shapes_events(db: Docs) -> None:
    pipeline = [
        {"$match": {"operationType": "insert", "fullDocument.a": {"$gt": 1}}},
        {"$project": {"key": "$documentKey._id"}},
        {"$addFields": {"twice": {"$multiply": ["$key", 2]}}},
    ]
    with db.c.watch(pipeline) as stream:
        db.c.insert_many([{"_id": i, "a": i} for i in range(4)])

        assert take(stream, 2) == [{"key": 2, "twice": 4}, {"key": 3, "twice": 6}]


def watch_insert(db: Docs, pipeline: list[Any]) -> None:
    with db.c.watch(pipeline) as stream:
        db.c.insert_one({})
        stream.next()


@pytest.mark.parametrize(
    ("pipeline", "code"),
    [
        pytest.param([{"$group": {"_id": 1}}], 20, id="a stage of many events"),
        pytest.param([{"$nothing": {}}], 40324, id="an unknown stage"),
        pytest.param([{"$project": {"_id": 0}}], 280, id="no token left"),
        pytest.param([{"$set": {"_id": 1}}], 280, id="another token"),
    ],
)
def test_pipeline_that_cannot_be_is_refused(db: Docs, pipeline: list[Any], code: int) -> None:
    with pytest.raises(OperationFailure) as refused:
        watch_insert(db, pipeline)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("stages", "code"),
    [
        pytest.param([{"$match": {}}, {"$changeStream": {}}], 40602, id="not first"),
        pytest.param([{"$changeStreamSplitLargeEvent": {}}], 7182801, id="nothing to split"),
        pytest.param(
            [{"$changeStream": {}}, {"$changeStreamSplitLargeEvent": {}}, {"$match": {}}],
            7182802,
            id="split too early",
        ),
        pytest.param([{"$facet": {"a": [{"$changeStream": {}}]}}], 40600, id="in a facet"),
        pytest.param([{"$changeStream": {"fullDocument": "no"}}], 2, id="an unknown mode"),
        pytest.param([{"$changeStream": {"what": 1}}], 40415, id="an unknown option"),
        pytest.param([{"$changeStream": {"resumeAfter": {"_data": "82"}}}], 260, id="no token"),
        pytest.param([{"$changeStream": {"allChangesForCluster": True}}], 72, id="cluster"),
    ],
)
def test_stage_that_cannot_be_is_refused(db: Docs, stages: list[Any], code: int) -> None:
    with pytest.raises(OperationFailure) as refused:
        db.c.aggregate(stages)

    assert refused.value.code == code


def test_view_is_not_watched(db: Docs) -> None:
    db.create_collection("v", viewOn="c", pipeline=[])

    with pytest.raises(OperationFailure) as refused:
        db.v.watch()

    assert refused.value.code == 166


def test_update_shows_the_document_as_it_is_when_asked_for(db: Docs) -> None:
    with db.c.watch(full_document="updateLookup") as stream:
        db.c.insert_one({"_id": 1})
        db.c.update_one({"_id": 1}, {"$set": {"a": 1}})
        db.c.update_one({"_id": 1}, {"$set": {"a": 2}})

        documents = [event["fullDocument"] for event in take(stream, 3)]
        db.c.update_one({"_id": 1}, {"$set": {"a": 3}})
        db.c.delete_one({"_id": 1})

        assert documents == [{"_id": 1}, {"_id": 1, "a": 2}, {"_id": 1, "a": 2}]
        assert take(stream, 1)[0]["fullDocument"] is None


def test_images_are_the_documents_before_and_after(db: Docs) -> None:
    db.create_collection("c", changeStreamPreAndPostImages=IMAGES)
    db.c.insert_one({"_id": 1, "a": 0})
    with db.c.watch(full_document="required", full_document_before_change="required") as stream:
        db.c.update_one({"_id": 1}, {"$inc": {"a": 1}})
        db.c.update_one({"_id": 1}, {"$inc": {"a": 1}})
        db.c.replace_one({"_id": 1}, {"b": 1})
        db.c.delete_one({"_id": 1})

        events = take(stream, 4)

    after = [event.get("fullDocument") for event in events]
    before = [event["fullDocumentBeforeChange"] for event in events]
    assert after == [{"_id": 1, "a": 1}, {"_id": 1, "a": 2}, {"_id": 1, "b": 1}, None]
    assert before == [
        {"_id": 1, "a": 0},
        {"_id": 1, "a": 1},
        {"_id": 1, "a": 2},
        {"_id": 1, "b": 1},
    ]


def change_large(db: Docs) -> None:
    """Make an event of two documents that do not fit into one."""
    db.create_collection("c", changeStreamPreAndPostImages=IMAGES)
    db.c.insert_one({"_id": 1, "a": "x" * 9_000_000})
    db.c.watch().close()
    db.c.update_one({"_id": 1}, {"$set": {"a": "y" * 9_000_000}})


def test_large_event_comes_in_fragments_where_they_are_asked_for(db: Docs) -> None:
    split: list[Document] = [{"$changeStreamSplitLargeEvent": {}}]
    with db.c.watch(split, full_document_before_change="required") as stream:
        change_large(db)
        assert stream.next()["operationType"] == "insert"
        first, second = islice(stream, 2)

    assert [first["splitEvent"], second["splitEvent"]] == [
        {"fragment": 1, "of": 2},
        {"fragment": 2, "of": 2},
    ]
    assert first["operationType"] == "update"
    assert {"updateDescription", "fullDocumentBeforeChange"} <= {*first, *second}
    assert first["_id"]["_data"] < second["_id"]["_data"]
    with db.c.watch(split, resume_after=first["_id"], full_document_before_change="required") as on:
        assert on.next() == second


def test_large_event_is_an_error_where_no_fragments_are_asked_for(db: Docs) -> None:
    with db.c.watch(full_document_before_change="required") as stream:
        change_large(db)
        stream.next()

        with pytest.raises(OperationFailure) as refused:
            stream.next()

    assert refused.value.code == 10334


@pytest.mark.parametrize("option", ["full_document", "full_document_before_change"])
def test_images_that_are_not_kept_are_null_or_an_error(db: Docs, option: str) -> None:
    db.c.insert_one({"_id": 1})
    shown = {"full_document": "fullDocument"}.get(option, "fullDocumentBeforeChange")
    with db.c.watch(**{option: "whenAvailable"}) as stream:
        db.c.update_one({"_id": 1}, {"$set": {"a": 1}})
        assert take(stream, 1)[0][shown] is None
    with db.c.watch(**{option: "required"}) as stream:
        db.c.update_one({"_id": 1}, {"$set": {"a": 2}})
        with pytest.raises(OperationFailure) as refused:
            stream.next()

    assert refused.value.code == 47


def test_images_are_kept_from_the_collmod_on(db: Docs) -> None:
    db.c.insert_one({"_id": 1, "a": 0})
    with db.c.watch(full_document_before_change="whenAvailable") as stream:
        db.c.update_one({"_id": 1}, {"$inc": {"a": 1}})
        db.command({"collMod": "c", "changeStreamPreAndPostImages": IMAGES})
        db.c.update_one({"_id": 1}, {"$inc": {"a": 1}})

        before = [event["fullDocumentBeforeChange"] for event in take(stream, 2)]

    assert before == [None, {"_id": 1, "a": 1}]


def test_expanded_events_tell_of_collections_and_indexes(db: Docs) -> None:
    with db.watch(show_expanded_events=True) as stream:
        db.create_collection("c")
        db.c.create_index("a")
        db.command({"collMod": "c", "changeStreamPreAndPostImages": IMAGES})
        db.c.drop_index("a_1")
        db.c.insert_one({"_id": 1})

        events = take(stream, 5)

    assert operations(events) == ["create", "createIndexes", "modify", "dropIndexes", "insert"]
    assert events[0]["nsType"] == "collection"
    assert events[1]["operationDescription"]["indexes"][0]["name"] == "a_1"
    assert all("collectionUUID" in event for event in events)


def test_stream_goes_on_behind_a_token(db: Docs, stream: ChangeStream[Document]) -> None:
    write_some(db.c)
    second = list(islice(stream, 4))[1]

    for option in ({"resume_after": second["_id"]}, {"start_after": second["_id"]}):
        with db.c.watch(**option) as resumed:
            assert operations(take(resumed, 2)) == ["replace", "delete"]


def test_token_of_an_empty_batch_is_a_place_to_go_on_from(
    db: Docs, stream: ChangeStream[Document]
) -> None:
    db.other.insert_one({})
    assert stream.try_next() is None
    token = stream.resume_token
    db.c.insert_one({"_id": 1})

    with db.c.watch(resume_after=token) as resumed:
        assert take(resumed, 1)[0]["documentKey"] == {"_id": 1}


def test_stream_starts_at_a_time(db: Docs, stream: ChangeStream[Document]) -> None:
    db.c.insert_many([{"_id": i} for i in range(3)])
    middle = list(islice(stream, 3))[1]

    with db.c.watch(start_at_operation_time=middle["clusterTime"]) as later:
        assert [event["documentKey"]["_id"] for event in take(later, 2)] == [1, 2]


def test_time_before_anybody_watched_is_lost_and_not_passed_over(tmp_path: Path) -> None:
    with serving(tmp_path, ServerOptions()) as client:
        before = client.db.command("ping")["operationTime"]
        client.db.c.insert_one({"_id": 1})

        with pytest.raises(OperationFailure) as refused:
            client.db.c.watch(start_at_operation_time=before)

    assert refused.value.code == 286


def test_time_since_which_nothing_was_written_is_a_place_to_start(db: Docs) -> None:
    db.c.insert_one({"_id": 1})
    last: Timestamp = db.command("ping")["operationTime"]
    after = Timestamp(last.time, last.inc + 1)

    with db.c.watch(start_at_operation_time=after) as stream:
        db.c.insert_one({"_id": 2})

        assert take(stream, 1)[0]["documentKey"] == {"_id": 2}


def test_only_start_after_goes_past_the_end_of_a_stream(db: Docs) -> None:
    db.c.insert_one({})
    with db.c.watch() as stream:
        db.c.drop()
        drop, invalidate = list(stream)
    db.c.insert_one({"_id": 1})

    with db.c.watch(start_after=invalidate["_id"]) as later:
        assert take(later, 1)[0]["documentKey"] == {"_id": 1}
    with db.c.watch(resume_after=drop["_id"]) as ended:
        assert operations(take(ended, 1)) == ["invalidate"]
    with pytest.raises(OperationFailure) as refused:
        db.c.watch(resume_after=invalidate["_id"])
    assert refused.value.code == 260


def test_token_from_the_future_of_another_server_is_refused(db: Docs) -> None:
    with db.c.watch() as stream:
        token = stream.resume_token
    assert token is not None
    data = token["_data"]
    unknown = data[:18] + f"{int(data[18:34], 16) + 1000:016X}" + data[34:]

    with pytest.raises(OperationFailure) as refused:
        db.c.watch(resume_after={"_data": unknown})

    assert refused.value.code == 280


def test_stream_waits_for_an_event_and_no_longer_than_asked(
    db: Docs, stream: ChangeStream[Document]
) -> None:
    arrived: list[Document] = []
    waiting = threading.Thread(target=lambda: arrived.append(stream.next()))
    waiting.start()

    db.c.insert_one({"_id": 1})
    waiting.join(30)

    assert [event["documentKey"] for event in arrived] == [{"_id": 1}]
    with db.c.watch(max_await_time_ms=1) as brief:
        assert brief.try_next() is None


def test_others_are_answered_while_streams_wait(db: Docs) -> None:
    streams = [db.c.watch(max_await_time_ms=20_000) for _ in range(8)]
    found: list[Document] = []
    threads = [threading.Thread(target=lambda s=s: found.append(s.next())) for s in streams]
    for thread in threads:
        thread.start()

    assert db.other.find_one() is None
    db.c.insert_one({"_id": 1})

    for thread in threads:
        thread.join(30)
    assert len(found) == 8
    for each in streams:
        each.close()


def test_killed_cursor_ends_its_waiting(db: Docs, local_atlas: Node) -> None:
    reply = db.command({"aggregate": "c", "pipeline": [{"$changeStream": {}}], "cursor": {}})
    cursor_id = reply["cursor"]["id"]
    errors: list[int | None] = []

    def wait() -> None:
        with MongoClient(local_atlas.uri) as own:
            try:
                more = {"getMore": cursor_id, "collection": "c", "maxTimeMS": 60_000}
                own[db.name].command(more)
            except OperationFailure as error:
                errors.append(error.code)

    waiting = threading.Thread(target=wait)
    waiting.start()
    wait_until(lambda: local_atlas.store.change_log.grown.waiting > 0)
    db.command({"killCursors": "c", "cursors": [cursor_id]})
    waiting.join(30)

    assert errors == [237]


def test_client_that_goes_ends_its_waiting(db: Docs, local_atlas: Node) -> None:
    reply = db.command({"aggregate": "c", "pipeline": [{"$changeStream": {}}], "cursor": {}})
    more = {"getMore": reply["cursor"]["id"], "collection": "c", "maxTimeMS": 600_000}
    before = local_atlas.store.change_log.grown.waiting

    with local_atlas.address.connect(timeout_s=5) as peer:
        message = OpMsg(1, 0, 0, (BodySection(bson.encode({**more, "$db": db.name})),))
        peer.sendall(wire.encode(message))
        wait_until(lambda: local_atlas.store.change_log.grown.waiting > before)

    wait_until(lambda: local_atlas.store.change_log.grown.waiting == before)


def test_every_batch_has_a_token(db: Docs) -> None:
    reply = db.command({"aggregate": "c", "pipeline": [{"$changeStream": {}}], "cursor": {}})
    first = reply["cursor"]["postBatchResumeToken"]
    db.c.insert_one({})

    more = db.command({"getMore": reply["cursor"]["id"], "collection": "c"})["cursor"]

    assert more["postBatchResumeToken"]["_data"] >= first["_data"]
    assert more["nextBatch"][0]["_id"]["_data"] <= more["postBatchResumeToken"]["_data"]


def test_stream_goes_on_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, ServerOptions()) as client, client.db.c.watch() as stream:
        client.db.c.insert_one({"_id": 1})
        first = stream.next()
        client.db.c.insert_one({"_id": 2})
    with serving(tmp_path, ServerOptions()) as client:
        client.db.c.insert_one({"_id": 3})
        with client.db.c.watch(resume_after=first["_id"]) as stream:
            assert [event["documentKey"]["_id"] for event in take(stream, 2)] == [2, 3]


def test_driver_resumes_by_itself_after_a_restart(tmp_path: Path) -> None:
    address = SocketAddress(tmp_path / "test.sock")
    node = start_node(tmp_path / "data", address)
    with MongoClient(node.uri) as client, client.db.c.watch(max_await_time_ms=50) as stream:
        client.db.c.insert_one({"_id": 1})
        stream.next()
        client.db.c.insert_one({"_id": 2})
        node.close()
        node = start_node(tmp_path / "data", address)
        client.db.c.insert_one({"_id": 3})

        assert [event["documentKey"]["_id"] for event in take(stream, 2)] == [2, 3]
    node.close()


def test_asynchronous_client_watches(db: Docs, local_atlas: Node) -> None:
    async def watch() -> Document:
        async with AsyncMongoClient(local_atlas.uri) as client:
            collection = client[db.name].c
            async with await collection.watch() as stream:
                await collection.insert_one({"_id": 1})
                return await stream.next()

    assert asyncio.run(watch())["documentKey"] == {"_id": 1}


def test_motor_watches(db: Docs, local_atlas: Node) -> None:
    async def watch() -> Document:
        client = AsyncIOMotorClient(local_atlas.uri)
        collection = client[db.name].c
        async with collection.watch() as stream:
            await collection.insert_one({"_id": 1})
            event: Document = await stream.next()
        client.close()
        return event

    assert asyncio.run(watch())["documentKey"] == {"_id": 1}
