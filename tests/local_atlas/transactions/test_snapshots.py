"""Reads of one moment: sessions with `snapshot=True`."""

import uuid
from typing import Any

import pytest
from bson import Binary
from bson.timestamp import Timestamp
from pymongo.database import Database
from pymongo.errors import OperationFailure

from app.local_atlas.errors import CommandError
from app.local_atlas.node import Node
from app.local_atlas.transactions.snapshots import SnapshotTable
from tests.local_atlas.processes import wait_until

Docs = Database[dict[str, Any]]


def test_all_reads_of_a_session_see_the_moment_of_the_first(db: Docs) -> None:
    db.c.insert_many([{"_id": 1, "a": 1}, {"_id": 2, "a": 2}])
    with db.client.start_session(snapshot=True) as session:
        first = [each["_id"] for each in db.c.find(session=session)]
        db.c.insert_one({"_id": 3, "a": 3})
        db.c.delete_one({"_id": 1})

        assert first == [1, 2]
        assert [each["_id"] for each in db.c.find(session=session)] == [1, 2]
        assert db.c.distinct("a", session=session) == [1, 2]
        counted = list(db.c.aggregate([{"$count": "n"}], session=session))
        assert counted == [{"n": 2}]
    assert [each["_id"] for each in db.c.find()] == [2, 3]


def test_cursor_goes_on_with_the_snapshot_that_it_began_with(db: Docs) -> None:
    db.c.insert_many([{"_id": i} for i in range(10)])
    with db.client.start_session(snapshot=True) as session:
        cursor = db.c.find(session=session, batch_size=3)
        first = next(cursor)
        db.c.delete_many({})

        assert [first["_id"], *(each["_id"] for each in cursor)] == list(range(10))
        left = db.c.aggregate([], session=session, batchSize=2)
        left.close()


def test_what_reads_no_documents_has_no_snapshot(db: Docs) -> None:
    with pytest.raises(OperationFailure) as refused:
        db.command({"count": "c", "readConcern": {"level": "snapshot"}})

    assert refused.value.code == 72


def test_moment_of_which_there_is_no_snapshot_is_refused(db: Docs) -> None:
    concern = {"level": "snapshot", "atClusterTime": Timestamp(1, 1)}

    with pytest.raises(OperationFailure) as refused:
        db.command({"find": "c", "readConcern": concern})

    assert refused.value.code == 239


def test_snapshot_is_dropped_after_its_time(local_atlas: Node) -> None:
    table = SnapshotTable(local_atlas.store, history_s=0.02)
    cluster_time, snapshot = table.take()

    def is_gone() -> bool:
        try:
            table.at(cluster_time)
        except CommandError as error:
            return error.code == 239
        return False

    wait_until(is_gone)
    with pytest.raises(CommandError):
        snapshot.read("SELECT 1")


def test_sessions_that_are_killed_by_pattern_lose_their_transactions(db: Docs) -> None:
    with db.client.start_session() as session:
        session.start_transaction()
        db.c.insert_one({"_id": 1}, session=session)
        db.client.admin.command("killAllSessionsByPattern", [{"lsid": session.session_id}])

        with pytest.raises(OperationFailure) as lost:
            session.commit_transaction()
    assert lost.value.code == 251
    other = {"lsid": {"id": Binary(uuid.uuid4().bytes, 4)}}
    assert db.client.admin.command("killAllSessionsByPattern", [other])["ok"] == 1
