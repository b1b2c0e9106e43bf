"""Whatever well-formed a client sends is answered, and no answer admits a bug."""

import socket
from collections.abc import Iterator
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions, DatetimeConversion
from hypothesis import HealthCheck, given, settings

from app.local_atlas import wire
from app.local_atlas.node import Node
from app.local_atlas.wire import BodySection, OpMsg
from tests.local_atlas import fuzzing
from tests.local_atlas.peers import receive

ANY_DATE: CodecOptions[dict[str, Any]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_MS
)
DOCUMENTS = [
    {"_id": 1, "a": 1, "b": "x", "v": [1.0, 0.0]},
    {"_id": 2, "a": [1, {"b": 2}], "b": None},
    {"_id": 3, "a": {"b": [1, 2]}},
]
UNHURRIED = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


class Asker:
    """Sends commands over one connection, which is not to be lost."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def reply(self, command: dict[str, Any]) -> dict[str, Any]:
        body = BodySection(bson.encode(command))
        self._connection.sendall(wire.encode(OpMsg(1, 0, 0, (body,))))
        answer = receive(self._connection)
        assert isinstance(answer, OpMsg), "the connection was closed"
        return bson.decode(answer.body, ANY_DATE)

    def refill(self) -> None:
        statements = [{"q": {"_id": one["_id"]}, "u": one, "upsert": True} for one in DOCUMENTS]
        self.reply({"update": "c", "updates": statements, "$db": "fuzz"})


@pytest.fixture(scope="module")
def asker(local_atlas: Node) -> Iterator[Asker]:
    with local_atlas.address.connect(timeout_s=30) as connection:
        asker = Asker(connection)
        yield asker
        asker.reply({"dropDatabase": 1, "$db": "fuzz"})


def check_reply(asker: Asker, command: dict[str, Any]) -> None:
    asker.refill()

    reply = asker.reply(command)

    failures = [reply, *reply.get("writeErrors", ())]
    assert all(failure.get("code") != 1 for failure in failures), reply
    assert reply["ok"] == 1 or reply["errmsg"]


@given(fuzzing.commands())
@settings(UNHURRIED, max_examples=250)
def test_no_command_finds_a_bug(asker: Asker, command: dict[str, Any]) -> None:
    check_reply(asker, command)


@pytest.mark.slow
@given(fuzzing.commands())
@settings(UNHURRIED, max_examples=10_000)
def test_no_command_of_many_finds_a_bug(asker: Asker, command: dict[str, Any]) -> None:
    check_reply(asker, command)
