"""Transactions of several commands, as PyMongo runs them."""

import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import Binary, Int64
from pymongo import ASCENDING, DESCENDING, IndexModel, MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure
from pymongo.operations import SearchIndexModel, UpdateOne
from pymongo.read_concern import ReadConcern

from app.local_atlas.addresses import SocketAddress
from app.local_atlas.errors import CommandError
from app.local_atlas.node import Node, start_node
from app.local_atlas.transactions.transaction_table import TransactionTable
from tests.local_atlas.peers import send_command
from tests.local_atlas.processes import wait_until

Document = dict[str, Any]
Docs = Database[Document]
Send = Callable[..., Document]


@pytest.fixture
def session(db: Docs) -> Iterator[ClientSession]:
    with db.client.start_session() as opened:
        yield opened


@pytest.fixture
def send(db: Docs, peer: socket.socket) -> Send:
    """Sends commands of one session, as a driver numbers them."""
    lsid = {"id": Binary(uuid.uuid4().bytes, 4)}

    def ask(command: Document, number: int, **fields: Any) -> Document:
        own = {"$db": db.name, "lsid": lsid, "txnNumber": Int64(number), "autocommit": False}
        return send_command(peer, {**command, **own, **fields})

    return ask


def ids(db: Docs, session: ClientSession | None = None) -> list[Any]:
    return [document["_id"] for document in db.c.find(session=session)]


def test_nobody_else_sees_a_transaction_before_its_commit(db: Docs, session: ClientSession) -> None:
    db.c.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": 1}])
    with session.start_transaction():
        db.c.insert_one({"_id": 3}, session=session)
        db.c.update_one({"_id": 1}, {"$set": {"a": 2}}, session=session)
        db.c.delete_one({"_id": 2}, session=session)

        assert list(db.c.find(session=session)) == [{"_id": 1, "a": 2}, {"_id": 3}]
        assert list(db.c.find()) == [{"_id": 1, "a": 1}, {"_id": 2, "a": 1}]

    assert list(db.c.find()) == [{"_id": 1, "a": 2}, {"_id": 3}]


def test_abort_leaves_nothing(db: Docs, session: ClientSession) -> None:
    db.c.insert_one({"_id": 1})
    session.start_transaction()
    db.c.insert_one({"_id": 2}, session=session)
    db.c.delete_one({"_id": 1}, session=session)
    db.other.insert_one({}, session=session)
    session.abort_transaction()

    assert ids(db) == [1]
    assert db.list_collection_names() == ["c"]


def test_transaction_reads_what_was_committed_when_it_began(
    db: Docs, session: ClientSession
) -> None:
    db.c.insert_one({"_id": 1})
    with session.start_transaction(read_concern=ReadConcern("snapshot")):
        before = ids(db, session)
        db.c.insert_one({"_id": 2})
        db.c.delete_one({"_id": 1})

        assert ids(db, session) == before == [1]
    assert ids(db) == [2]


def test_others_write_meanwhile(db: Docs, session: ClientSession) -> None:
    with session.start_transaction():
        db.c.insert_one({"_id": 1}, session=session)
        db.d.insert_one({"_id": 2})

        assert list(db.d.find()) == [{"_id": 2}]


def test_own_writes_are_found_through_indexes_in_every_way(
    db: Docs, session: ClientSession
) -> None:
    db.c.create_indexes([IndexModel("a"), IndexModel([("b", DESCENDING)]), IndexModel("tags")])
    db.c.insert_many([{"_id": i, "a": i, "b": i, "tags": [i, i + 1]} for i in range(50)])
    with session.start_transaction():
        db.c.update_many({"a": {"$gte": 45}}, {"$inc": {"a": 100}}, session=session)
        db.c.insert_one({"_id": 99, "a": 3, "b": 49.5, "tags": 10}, session=session)
        db.c.delete_one({"a": 4}, session=session)
        db.c.update_one({"_id": 99}, {"$set": {"c": 1}}, session=session)

        def found(query: Document, **options: Any) -> list[Any]:
            return [each["_id"] for each in db.c.find(query, session=session, **options)]

        assert found({"a": 3}) == [3, 99]
        assert found({"a": {"$in": [4, 145]}}) == [45]
        assert found({"_id": {"$in": [4, 5, 99]}}) == [5, 99]
        assert found({"_id": {"$gt": 47}}) == [48, 49, 99]
        assert found({"tags": 10}) == [9, 10, 99]
        assert found({}, sort=[("b", DESCENDING)], limit=3) == [99, 49, 48]
        assert found({"a": {"$gt": 100}}, sort=[("a", ASCENDING)]) == [45, 46, 47, 48, 49]
        counted = db.c.aggregate([{"$count": "n"}], session=session)
        assert list(counted) == [{"n": 50}]

    assert [each["_id"] for each in db.c.find({"a": {"$gt": 100}})] == [45, 46, 47, 48, 49]
    assert [each["_id"] for each in db.c.find({"tags": 10})] == [9, 10, 99]
    assert db.c.find_one({"a": 4}) is None


def test_every_kind_of_write_goes_into_the_transaction(db: Docs, session: ClientSession) -> None:
    db.c.insert_many([{"_id": i} for i in range(4)])
    with session.start_transaction():
        db.c.bulk_write([UpdateOne({"_id": 0}, {"$set": {"a": 1}})], session=session)
        db.c.find_one_and_update({"_id": 1}, {"$set": {"a": 1}}, session=session)
        db.c.find_one_and_delete({"_id": 2}, session=session)
        db.c.replace_one({"_id": 3}, {"a": 1}, session=session)
        db.c.replace_one({"_id": 4}, {"a": 1}, upsert=True, session=session)

        assert list(db.c.find()) == [{"_id": i} for i in range(4)]

    assert list(db.c.find()) == [{"_id": i, "a": 1} for i in (0, 1, 3, 4)]


def test_collection_and_index_are_created_with_the_transaction(
    db: Docs, session: ClientSession
) -> None:
    with session.start_transaction():
        db.create_collection("c", session=session)
        db.c.create_index("a", unique=True, session=session)
        db.c.insert_one({"_id": 1, "a": 1}, session=session)

        assert db.list_collection_names() == []

    assert "a_1" in db.c.index_information()
    with pytest.raises(DuplicateKeyError):
        db.c.insert_one({"a": 1})


def test_duplicate_key_is_found_at_the_write_and_aborts(db: Docs, session: ClientSession) -> None:
    db.c.create_index("a", unique=True)
    db.c.insert_one({"_id": 1, "a": 1})
    session.start_transaction()
    db.c.insert_one({"_id": 2, "a": 2}, session=session)
    with pytest.raises(DuplicateKeyError):
        db.c.insert_one({"_id": 3, "a": 1}, session=session)

    with pytest.raises(OperationFailure) as aborted:
        session.commit_transaction()
    assert aborted.value.code == 251
    assert ids(db) == [1]


def test_key_that_the_transaction_frees_may_be_taken_in_it(
    db: Docs, session: ClientSession
) -> None:
    db.c.create_index("a", unique=True)
    db.c.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": 2}])
    with session.start_transaction():
        db.c.delete_one({"_id": 1}, session=session)
        db.c.update_one({"_id": 2}, {"$set": {"a": 1}}, session=session)
        db.c.insert_one({"_id": 1, "a": 2}, session=session)

    assert list(db.c.find(sort=[("_id", 1)])) == [{"_id": 1, "a": 2}, {"_id": 2, "a": 1}]


def test_second_transaction_on_a_document_fails_at_once_and_may_be_tried_again(
    db: Docs, session: ClientSession
) -> None:
    db.c.insert_one({"_id": 1, "a": 0})
    with db.client.start_session() as second:
        session.start_transaction()
        second.start_transaction()
        db.c.update_one({"_id": 1}, {"$inc": {"a": 1}}, session=session)
        with pytest.raises(OperationFailure) as conflict:
            db.c.update_one({"_id": 1}, {"$inc": {"a": 1}}, session=second)
        session.commit_transaction()

    assert conflict.value.code == 112
    assert conflict.value.has_error_label("TransientTransactionError")
    assert db.c.find_one() == {"_id": 1, "a": 1}


def test_document_that_changed_since_the_snapshot_is_a_write_conflict(
    db: Docs, session: ClientSession
) -> None:
    db.c.insert_one({"_id": 1, "a": 0})
    session.start_transaction()
    ids(db, session)
    db.c.update_one({"_id": 1}, {"$inc": {"a": 1}})

    with pytest.raises(OperationFailure) as conflict:
        db.c.update_one({"_id": 1}, {"$inc": {"a": 1}}, session=session)

    assert conflict.value.code == 112
    assert conflict.value.has_error_label("TransientTransactionError")


def test_key_that_somebody_took_meanwhile_is_a_conflict_of_the_commit(
    db: Docs, session: ClientSession
) -> None:
    db.c.create_index("a", unique=True)
    session.start_transaction()
    db.c.insert_one({"_id": 1, "a": 1}, session=session)
    db.c.insert_one({"_id": 2, "a": 1})

    with pytest.raises(OperationFailure) as conflict:
        session.commit_transaction()

    assert conflict.value.code == 112
    assert conflict.value.has_error_label("TransientTransactionError")
    assert ids(db) == [2]


def test_write_outside_waits_for_the_transaction_that_wrote_the_document(
    db: Docs, session: ClientSession
) -> None:
    db.c.insert_one({"_id": 1, "a": 0})
    session.start_transaction()
    db.c.update_one({"_id": 1}, {"$inc": {"a": 1}}, session=session)
    writing = threading.Thread(target=lambda: db.c.update_one({"_id": 1}, {"$inc": {"a": 10}}))
    writing.start()
    with pytest.raises(OperationFailure) as too_late:
        db.command({"delete": "c", "deletes": [{"q": {"_id": 1}, "limit": 1}], "maxTimeMS": 50})
    assert writing.is_alive()
    session.commit_transaction()
    writing.join(30)

    assert too_late.value.code == 50
    assert db.c.find_one() == {"_id": 1, "a": 11}


def test_transfers_of_many_threads_lose_nothing(db: Docs) -> None:
    db.c.insert_many([{"_id": i, "a": 100} for i in range(3)])

    def transfer(start: int) -> None:
        def move(session: ClientSession) -> None:
            source, target = start % 3, (start + 1) % 3
            db.c.update_one({"_id": source}, {"$inc": {"a": -1}}, session=session)
            db.c.update_one({"_id": target}, {"$inc": {"a": 1}}, session=session)

        with db.client.start_session() as own:
            for _ in range(5):
                own.with_transaction(move)

    threads = [threading.Thread(target=transfer, args=[i]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert {each["_id"]: each["a"] for each in db.c.find()} == {0: 95, 1: 105, 2: 100}


def test_stream_sees_a_transaction_at_its_commit_and_at_one_time(
    db: Docs, session: ClientSession
) -> None:
    with db.watch() as stream, session.start_transaction():
        db.c.insert_one({"_id": 1}, session=session)
        db.c.update_one({"_id": 1}, {"$set": {"a": 1}}, session=session)
        assert stream.try_next() is None
        session.commit_transaction()
        events = [stream.next(), stream.next()]

    assert [event["operationType"] for event in events] == ["insert", "update"]
    assert events[0]["clusterTime"] == events[1]["clusterTime"]
    assert {event["lsid"]["id"] for event in events} == {session.session_id["id"]}
    assert len({event["txnNumber"] for event in events}) == 1


def test_search_index_learns_of_a_transaction_at_its_commit(
    db: Docs, session: ClientSession
) -> None:
    field = {"type": "vector", "path": "v", "numDimensions": 2, "similarity": "cosine"}
    db.c.insert_one({"_id": 1, "v": [1.0, 0.0]})
    db.c.create_search_index(SearchIndexModel({"fields": [field]}, "v", type="vectorSearch"))
    wait_until(lambda: all(each["queryable"] for each in db.c.list_search_indexes()))

    def found() -> list[Any]:
        stage = {"index": "v", "path": "v", "queryVector": [1.0, 0.0], "exact": True, "limit": 5}
        return [each["_id"] for each in db.c.aggregate([{"$vectorSearch": stage}])]

    with session.start_transaction():
        db.c.insert_one({"_id": 2, "v": [1.0, 0.0]}, session=session)
        db.c.delete_one({"_id": 1}, session=session)
        during = found()

    assert during == [1]
    assert found() == [2]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param({"count": "c"}, 263, id="count"),
        pytest.param({"drop": "c"}, 263, id="drop"),
        pytest.param({"listCollections": 1}, 263, id="listCollections"),
        pytest.param({"ping": 1}, 263, id="ping as the first"),
        pytest.param({"find": "c", "$db": "admin"}, 263, id="another database's business"),
        pytest.param({"find": "c", "writeConcern": {"w": 1}}, 72, id="writeConcern"),
        pytest.param({"find": "c", "readConcern": {"level": "linearizable"}}, 72, id="level"),
        pytest.param({"aggregate": "c", "pipeline": [{"$out": "d"}], "cursor": {}}, 263, id="$out"),
        pytest.param({"find": "c", "autocommit": True}, 72, id="autocommit"),
        pytest.param({"find": "c", "txnNumber": None}, 72, id="no number"),
    ],
)
def test_what_cannot_be_in_a_transaction_is_refused(
    send: Send, command: Document, code: int
) -> None:
    assert send({**command}, 1, startTransaction=True, **_overriding(command))["code"] == code


def _overriding(command: Document) -> Document:
    """Return the fields of a command that stand for those of the session."""
    return {name: command[name] for name in ("$db", "autocommit", "txnNumber") if name in command}


def test_numbers_of_transactions_only_grow(send: Send) -> None:
    insert = {"insert": "c", "documents": [{}]}
    assert send(insert, 5, startTransaction=True)["ok"] == 1

    assert send(insert, 4, startTransaction=True)["code"] == 225
    assert send(insert, 4)["code"] == 225
    assert send(insert, 5, startTransaction=True)["code"] == 50911
    later = send(insert, 6)
    assert later["code"] == 251
    assert later["errorLabels"] == ["TransientTransactionError"]


def test_next_transaction_aborts_one_that_was_left(db: Docs, send: Send) -> None:
    send({"insert": "c", "documents": [{"_id": 1}]}, 1, startTransaction=True)
    send({"insert": "c", "documents": [{"_id": 2}]}, 2, startTransaction=True)
    send({"commitTransaction": 1}, 2, **{"$db": "admin"})

    assert ids(db) == [2]


def test_commit_that_is_tried_again_is_answered_and_changes_nothing(db: Docs, send: Send) -> None:
    insert = {"insert": "c", "documents": [{"_id": 1}]}
    send(insert, 1, startTransaction=True)
    commit = {"commitTransaction": 1, "$db": "admin"}

    assert [send(commit, 1, **{"$db": "admin"})["ok"] for _ in range(2)] == [1, 1]
    assert send({"abortTransaction": 1}, 1, **{"$db": "admin"})["code"] == 256
    assert send(insert, 1)["code"] == 256
    assert ids(db) == [1]


def test_commit_is_known_after_a_restart(tmp_path: Path) -> None:
    own = {"lsid": {"id": Binary(uuid.uuid4().bytes, 4)}, "autocommit": False}
    own["txnNumber"] = Int64(1)
    address = SocketAddress(tmp_path / "test.sock")
    insert = {"insert": "c", "documents": [{"_id": 1}], "startTransaction": True, "$db": "db"}
    commit = {"commitTransaction": 1, "$db": "admin"}
    for commands in ([insert, commit], [commit]):
        node = start_node(tmp_path / "data", address)
        with address.connect(timeout_s=5) as connection:
            replies = [send_command(connection, {**each, **own}) for each in commands]
        with MongoClient(node.uri) as client:
            found = list(client.db.c.find())
        node.close()

        assert [reply["ok"] for reply in replies] == [1] * len(commands)
        assert found == [{"_id": 1}]


def test_retryable_write_ends_a_transaction_with_a_smaller_number(
    db: Docs, peer: socket.socket
) -> None:
    own = {"lsid": {"id": Binary(uuid.uuid4().bytes, 4)}, "$db": db.name}
    begun = {"startTransaction": True, "autocommit": False, "txnNumber": Int64(1)}
    send_command(peer, {"insert": "c", "documents": [{"_id": 1}], **own, **begun})

    written = {"insert": "c", "documents": [{"_id": 2}], "txnNumber": Int64(2)}
    assert send_command(peer, {**written, **own})["n"] == 1

    commit = {"commitTransaction": 1, "autocommit": False, "txnNumber": Int64(1)}
    assert send_command(peer, {**commit, **own, "$db": "admin"})["code"] == 251
    assert ids(db) == [2]


@pytest.mark.parametrize("name", ["endSessions", "killSessions"])
def test_session_that_ends_aborts_its_transaction(db: Docs, peer: socket.socket, name: str) -> None:
    lsid = {"id": Binary(uuid.uuid4().bytes, 4)}
    own = {"lsid": lsid, "txnNumber": Int64(1), "autocommit": False}
    insert = {"insert": "c", "documents": [{"_id": 1}], "$db": db.name, "startTransaction": True}
    send_command(peer, {**insert, **own})

    send_command(peer, {name: [lsid], "$db": "admin"})

    commit = send_command(peer, {"commitTransaction": 1, "$db": "admin", **own})
    assert commit["code"] == 251
    assert ids(db) == []


def test_transaction_that_takes_too_long_is_aborted(local_atlas: Node) -> None:
    table = TransactionTable(local_atlas.store, lifetime_limit_s=0.05)
    lsid = {"id": Binary(uuid.uuid4().bytes, 4)}

    table.begin(lsid, 1)

    wait_until(lambda: _is_over(table, lsid))


def _is_over(table: TransactionTable, lsid: Document) -> bool:
    try:
        with table.using(lsid, 1):
            return False
    except CommandError as error:
        return error.code == 251


def test_cursor_reads_on_in_its_transaction(db: Docs, session: ClientSession) -> None:
    db.c.insert_many([{"_id": i} for i in range(300)])
    with session.start_transaction():
        db.c.delete_one({"_id": 200}, session=session)
        found = [each["_id"] for each in db.c.find(session=session, batch_size=50)]

    assert found == [i for i in range(300) if i != 200]


def test_nothing_is_left_open(db: Docs, session: ClientSession, local_atlas: Node) -> None:
    for number in range(20):
        with session.start_transaction():
            db.c.insert_one({"_id": number}, session=session)
    with session.start_transaction():
        db.c.find_one(session=session)

    assert local_atlas.store.intents.is_empty()
