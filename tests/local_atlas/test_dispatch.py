"""What every command has in common: names, sizes, and failures that nobody foresaw."""

import socket
from collections.abc import Iterator
from typing import Any

import bson
import pytest
from pymongo.database import Database

from app.local_atlas.commands.table import COMMANDS, CommandContext, command
from app.local_atlas.wire import BodySection, DocumentSequence, OpMsg
from tests.local_atlas.peers import ask, send_command

Docs = Database[dict[str, Any]]


@pytest.fixture
def failing_command() -> Iterator[str]:
    """A command with a bug in it."""

    @command("testFailure")
    def fail(context: CommandContext, body: dict[str, Any]) -> dict[str, Any]:
        return {"value": 2**80 if body["testFailure"] == "encode" else 1 // 0}

    yield "testFailure"
    del COMMANDS["testFailure"]


@pytest.mark.parametrize("where", ["encode", "run"])
def test_bug_in_a_command_is_answered_and_logged_and_ends_nothing(
    peer: socket.socket,
    failing_command: str,
    where: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply = send_command(peer, {failing_command: where, "$db": "admin"})

    assert (reply["ok"], reply["code"], reply["codeName"]) == (0.0, 1, "InternalError")
    assert "testFailure failed" in caplog.text
    assert send_command(peer, {"ping": 1, "$db": "admin"})["ok"] == 1


def test_reply_that_no_driver_could_read_is_an_error(db: Docs, peer: socket.socket) -> None:
    db.c.insert_many([{"a": "x" * 9_000_000 + str(i)} for i in range(2)])

    reply = send_command(peer, {"distinct": "c", "key": "a", "$db": db.name})

    assert reply["code"] == 10334


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a/b", "a$b", "x" * 64])
def test_bad_database_name_is_refused(peer: socket.socket, name: str) -> None:
    assert send_command(peer, {"ping": 1, "$db": name})["code"] == 73


def test_command_without_a_database_is_refused(peer: socket.socket) -> None:
    assert send_command(peer, {"ping": 1})["code"] == 40414


def test_empty_command_is_refused(peer: socket.socket) -> None:
    assert send_command(peer, {})["code"] == 59


def test_documents_in_the_body_count_like_those_in_a_sequence(
    peer: socket.socket, db: Docs
) -> None:
    reply = send_command(peer, {"insert": "c", "documents": [{"_id": 1}], "$db": db.name})

    assert reply["n"] == 1
    assert list(db.c.find()) == [{"_id": 1}]


def test_field_that_comes_in_the_body_and_in_a_sequence_is_refused(
    peer: socket.socket, db: Docs
) -> None:
    body = BodySection(bson.encode({"insert": "c", "documents": [{"_id": 1}], "$db": db.name}))
    sequence = DocumentSequence("documents", (bson.encode({"_id": 2}),))

    reply = ask(peer, OpMsg(1, 0, 0, (body, sequence)))

    assert reply["code"] == 40433
    assert list(db.c.find()) == []


def test_element_that_is_no_document_is_refused_by_its_place(peer: socket.socket, db: Docs) -> None:
    reply = send_command(peer, {"insert": "c", "documents": [{}, 5], "$db": db.name})

    assert reply["code"] == 14
    assert "insert.documents.1" in reply["errmsg"]
