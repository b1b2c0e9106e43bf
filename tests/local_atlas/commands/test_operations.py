"""currentOp and killOp."""

import threading
import time
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import OperationFailure

Docs = Database[dict[str, Any]]

_MARK = "runs for hours"
_UNWINDS = [{"$unwind": "$a"}, {"$unwind": "$b"}, {"$unwind": "$c"}]


def _run_for_hours(db: Docs, failures: list[OperationFailure]) -> None:
    numbers = list(range(5000))
    documents = {"$documents": [dict.fromkeys("abc", numbers)]}
    try:
        db.aggregate([documents, *_UNWINDS, {"$count": "n"}], comment=_MARK)
    except OperationFailure as failure:
        failures.append(failure)


def _running(db: Docs) -> list[dict[str, Any]]:
    reply = db.client.admin.command("currentOp", ns=f"{db.name}.$cmd", active=True)
    return list(reply["inprog"])


def test_running_command_is_shown_and_can_be_stopped(db: Docs) -> None:
    failures: list[OperationFailure] = []
    thread = threading.Thread(target=_run_for_hours, args=(db, failures))
    thread.start()
    while not (found := _running(db)):
        time.sleep(0.01)

    (operation,) = found
    assert operation["op"] == "command"
    assert operation["microsecs_running"] > 0
    assert "$truncated" in operation["command"]
    db.client.admin.command("killOp", op=operation["opid"])
    thread.join(20)

    assert [failure.code for failure in failures] == [11601]
    assert _running(db) == []


def test_current_operation_shows_itself(db: Docs) -> None:
    found = db.client.admin.command("currentOp", {"$all": True}, comment="look")["inprog"]

    (own,) = [each for each in found if each["command"].get("comment") == "look"]
    assert own["ns"] == "admin.$cmd"
    assert next(iter(own["command"])) == "currentOp"


def test_command_that_has_ended_is_killed_without_an_error(db: Docs) -> None:
    assert db.client.admin.command("killOp", op=1)["info"] == "attempting to kill op"


@pytest.mark.parametrize(
    ("database", "command", "code"),
    [
        ("admin", {"killOp": 1}, 4),
        ("admin", {"killOp": 1, "op": "x"}, 14),
        ("admin", {"currentOp": 1, "$nope": 1}, 2),
        ("other", {"killOp": 1, "op": 1}, 13),
        ("other", {"currentOp": 1}, 13),
    ],
    ids=str,
)
def test_malformed_command_is_refused(
    db: Docs, database: str, command: dict[str, Any], code: int
) -> None:
    with pytest.raises(OperationFailure) as caught:
        db.client[database].command(command)

    assert caught.value.code == code
