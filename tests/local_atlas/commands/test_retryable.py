"""A write that is sent again is applied once."""

import socket
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from bson import Int64
from bson.binary import Binary
from pymongo.database import Database

from tests.local_atlas.peers import send_command

Docs = Database[dict[str, Any]]
Write = Callable[[dict[str, Any], int], dict[str, Any]]

INCREMENT = {"update": "c", "updates": [{"q": {"_id": 1}, "u": {"$inc": {"n": 1}}}]}
COMMANDS = {
    "update": INCREMENT,
    "upsert": {
        "update": "c",
        "updates": [{"q": {"_id": 2}, "u": {"$inc": {"n": 1}}, "upsert": True}],
    },
    "findAndModify": {"findAndModify": "c", "query": {"_id": 1}, "update": {"$inc": {"n": 1}}},
    "insert": {"insert": "c", "documents": [{"_id": 3}]},
    "delete": {"delete": "c", "deletes": [{"q": {}, "limit": 1}]},
}


def new_lsid() -> dict[str, Any]:
    return {"id": Binary(uuid.uuid4().bytes, 4)}


@pytest.fixture
def write(db: Docs, peer: socket.socket) -> Write:
    """Sends a numbered write of one session, as a driver's retry does."""
    lsid = new_lsid()
    db.c.insert_many([{"_id": 1, "n": 0}, {"_id": 9}])

    def send(command: dict[str, Any], number: int) -> dict[str, Any]:
        numbered = {**command, "$db": db.name, "lsid": lsid, "txnNumber": Int64(number)}
        return send_command(peer, numbered)

    return send


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_second_attempt_is_answered_like_the_first_and_changes_nothing(
    db: Docs, write: Write, command: dict[str, Any]
) -> None:
    first = write(command, 5)
    after_first = list(db.c.find())

    second = write(command, 5)

    assert first["ok"] == 1
    assert second == first
    assert list(db.c.find()) == after_first


def test_next_number_is_a_new_write(db: Docs, write: Write) -> None:
    for number in (1, 2, 2, 3):
        write(INCREMENT, number)

    assert db.c.find_one() == {"_id": 1, "n": 3}


def test_number_below_the_last_one_is_refused(db: Docs, write: Write) -> None:
    write(INCREMENT, 5)

    assert write(INCREMENT, 4)["code"] == 225
    assert db.c.find_one() == {"_id": 1, "n": 1}


def test_write_that_failed_is_tried_again(db: Docs, write: Write) -> None:
    failing = {"findAndModify": "c", "query": {"_id": 9}, "update": {"$inc": {"_id": 1}}}

    assert write(failing, 1)["ok"] == 0
    assert write(INCREMENT, 1)["n"] == 1


def test_sessions_are_numbered_apart(db: Docs, peer: socket.socket) -> None:
    db.c.insert_one({"_id": 1, "n": 0})

    for _ in range(3):
        numbered = {**INCREMENT, "$db": db.name, "lsid": new_lsid(), "txnNumber": Int64(1)}
        send_command(peer, numbered)

    assert db.c.find_one() == {"_id": 1, "n": 3}
