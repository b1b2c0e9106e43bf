"""What drivers are told before their first command."""

from typing import Any

import pytest
from bson import Int64
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.server_api import ServerApi

from app.local_atlas.node import Node
from tests.local_atlas.peers import CLUSTER_TIME

Docs = Database[dict[str, Any]]


@pytest.mark.parametrize("name", ["hello", "isMaster", "ismaster"])
def test_server_introduces_itself_as_a_primary_of_version_8_2(db: Docs, name: str) -> None:
    reply = db.client.admin.command(name)

    primary = "isWritablePrimary" if name == "hello" else "ismaster"
    assert reply[primary] is True
    assert reply["helloOk"] is True
    assert reply["primary"] == reply["me"] == reply["hosts"][0]
    assert reply["setName"]
    assert reply["maxWireVersion"] == 27
    assert reply["maxBsonObjectSize"] == 16 * 1024 * 1024
    assert reply["maxMessageSizeBytes"] == 48_000_000
    assert reply["maxWriteBatchSize"] == 100_000
    assert reply["logicalSessionTimeoutMinutes"] == 30
    assert reply["readOnly"] is False


def test_driver_sees_a_replica_set_member_with_sessions(local_atlas: Node) -> None:
    with MongoClient[dict[str, Any]](local_atlas.uri) as client:
        client.admin.command("ping")

        description = next(iter(client.topology_description.server_descriptions().values()))
        assert description.server_type_name == "RSPrimary"
        assert description.retryable_writes_supported
        with client.start_session() as session:
            assert client.t.c.find_one({}, session=session) is None


def test_stable_api_version_is_accepted(local_atlas: Node) -> None:
    with MongoClient[dict[str, Any]](local_atlas.uri, server_api=ServerApi("1")) as client:
        assert client.admin.command("ping")["ok"] == 1


def test_version_is_the_one_that_is_emulated(db: Docs) -> None:
    info = db.client.server_info()

    assert info["version"] == "8.2.0"
    assert info["versionArray"] == [8, 2, 0, 0]


def test_each_connection_has_an_id_of_its_own(local_atlas: Node) -> None:
    ids = set()
    for _ in range(3):
        with MongoClient[dict[str, Any]](local_atlas.uri) as client:
            ids.add(client.admin.command("hello")["connectionId"])

    assert len(ids) == 3


@pytest.mark.parametrize(
    "command",
    [
        {"ping": 1},
        {"endSessions": []},
        {"refreshSessions": []},
        {"killSessions": []},
        {"startSession": 1},
        {"connectionStatus": 1},
        {"getParameter": "*"},
        {"getParameter": 1, "featureCompatibilityVersion": 1},
        {"getCmdLineOpts": 1},
        {"hostInfo": 1},
        {"serverStatus": 1},
        {"whatsmyuri": 1},
        {"getLog": "startupWarnings"},
        {"listCommands": 1},
        {"buildInfo": 1},
    ],
    ids=lambda command: next(iter(command)),
)
def test_what_drivers_and_shells_ask_is_answered(db: Docs, command: dict[str, Any]) -> None:
    assert db.client.admin.command(command)["ok"] == 1


def test_server_status_knows_its_open_cursors(db: Docs) -> None:
    db.c.insert_many([{} for _ in range(200)])
    before = db.command("serverStatus")["metrics"]["cursor"]["open"]["total"]

    cursor_id = db.command("find", "c")["cursor"]["id"]

    after = db.command("serverStatus")["metrics"]["cursor"]["open"]["total"]
    db.command("killCursors", "c", cursors=[cursor_id])
    assert isinstance(after, Int64)
    assert after == before + 1


def test_every_listed_command_has_help(db: Docs) -> None:
    commands = db.command("listCommands")["commands"]

    assert {"find", "aggregate", "insert", "createSearchIndexes"} <= set(commands)
    assert all(entry["help"] for entry in commands.values())


def test_unknown_command_is_refused_by_name(db: Docs) -> None:
    with pytest.raises(OperationFailure) as refused:
        db.command("mapReduce", "c")

    assert refused.value.code == 59
    details = refused.value.details
    assert details is not None
    assert {name: details[name] for name in details if name not in CLUSTER_TIME} == {
        "ok": 0.0,
        "errmsg": "no such command: 'mapReduce' (not emulated by LocalAtlas)",
        "code": 59,
        "codeName": "CommandNotFound",
    }


def test_a_command_that_no_server_knows_is_refused_in_its_words_alone(db: Docs) -> None:
    with pytest.raises(OperationFailure) as refused:
        db.command("mapRedcue", "c")

    assert (refused.value.details or {})["errmsg"] == "no such command: 'mapRedcue'"


def test_a_field_that_no_server_knows_is_refused_in_its_words_alone(db: Docs) -> None:
    with pytest.raises(OperationFailure) as refused:
        db.command("create", "c", viewOf="d")

    assert refused.value.code == 40415
    assert (refused.value.details or {})["errmsg"] == (
        "BSON field 'create.viewOf' is an unknown field."
    )


def test_parameters_tell_a_test_suite_what_it_may_ask(db: Docs) -> None:
    parameters = db.client.admin.command("getParameter", "*")

    assert parameters["enableTestCommands"] is False
    assert parameters["authenticationMechanisms"] == []
    assert db.client.admin.command("getParameter", {"allParameters": True}) == parameters
    with pytest.raises(OperationFailure, match="no option found to get"):
        db.client.admin.command("getParameter", 1, noSuchParameter=1)
