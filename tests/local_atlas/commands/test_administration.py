"""What an administrator asks, and the stages that tell of sessions and collections."""

from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure

Docs = Database[dict[str, Any]]


def test_validate_counts_the_documents_and_finds_them_sound(db: Docs) -> None:
    db.c.insert_many([{"_id": i} for i in range(3)])
    db.c.create_index("a")

    report = db.validate_collection("c", full=True)

    assert (report["valid"], report["nrecords"], report["nIndexes"]) == (True, 3, 2)
    assert list(report["indexDetails"]) == ["_id_", "a_1"]
    with pytest.raises(OperationFailure) as caught:
        db.validate_collection("missing")
    assert caught.value.code == 26
    with pytest.raises(OperationFailure) as caught:
        db.validate_collection("c", full=True, background=True)
    assert caught.value.code == 72


def test_validate_names_a_record_that_is_no_bson(local_atlas: Any, db: Docs) -> None:
    db.c.insert_many([{"_id": i, "text": "sound"} for i in range(3)])
    collection = local_atlas.store.collection(db.name, "c")
    with local_atlas.store.persistence.transaction() as connection:
        connection.execute(
            f"UPDATE {collection.records.name} SET raw = X'05000000FF' WHERE record_id = 2"
        )

    with pytest.raises(CollectionInvalid):
        db.validate_collection("c")
    report = db.command("validate", "c")

    assert report["valid"] is False
    assert report["corruptRecords"] == [2]


def test_there_are_no_users_and_no_profiler(db: Docs) -> None:
    assert db.command("usersInfo", 1)["users"] == []
    assert db.command("rolesInfo", 1)["roles"] == []
    assert db.command("profile", -1)["was"] == 0
    assert db.command("logout")["ok"] == 1
    with pytest.raises(OperationFailure, match=r"profile: 2.*not emulated"):
        db.command("profile", 2)


def test_replica_set_is_this_node(db: Docs) -> None:
    hello = db.client.admin.command("hello")

    status = db.client.admin.command("replSetGetStatus")
    configuration = db.client.admin.command("replSetGetConfig")["config"]

    assert status["set"] == configuration["_id"] == hello["setName"]
    (member,) = status["members"]
    assert (member["name"], member["stateStr"]) == (hello["me"], "PRIMARY")
    assert [each["host"] for each in configuration["members"]] == [hello["me"]]


def test_what_is_acknowledged_is_on_disk_already(db: Docs) -> None:
    assert db.client.admin.command("fsync")["ok"] == 1
    assert db.client.admin.command("getDefaultRWConcern")["defaultWriteConcern"]["w"] == "majority"
    with pytest.raises(OperationFailure, match="not emulated"):
        db.client.admin.command("fsync", lock=True)


def _live(db: Docs, session: Any) -> list[Any]:
    found = db.aggregate([{"$listLocalSessions": {}}], session=session)
    return [each["_id"]["id"] for each in found]


def test_live_sessions_are_listed_until_they_end(db: Docs) -> None:
    with db.client.start_session() as asking:
        other = db.command("startSession")["id"]

        assert asking.session_id["id"] in _live(db, asking)
        assert other["id"] in _live(db, asking)

        db.command("refreshSessions", [other])
        db.command("endSessions", [other])
        assert other["id"] not in _live(db, asking)


def test_killing_all_sessions_leaves_only_those_that_are_used_again(db: Docs) -> None:
    with db.client.start_session() as asking:
        other = db.command("startSession", session=asking)["id"]
        db.client.admin.command("killAllSessions", [], session=asking)

        live = _live(db, asking)

        assert asking.session_id["id"] in live
        assert other["id"] not in live


def test_collection_statistics_are_a_stage_too(db: Docs) -> None:
    db.c.insert_many([{"_id": i, "text": "x" * 100} for i in range(10)])

    (found,) = db.c.aggregate([{"$collStats": {"count": {}, "storageStats": {"scale": 2}}}])

    assert found["ns"] == db.c.full_name
    assert found["count"] == found["storageStats"]["count"] == 10
    command = db.command("collStats", "c", scale=2)
    assert command["size"] == found["storageStats"]["size"] > 500


@pytest.mark.parametrize(
    ("stage", "code"),
    [
        ({"$collStats": 1}, 9),
        ({"$collStats": {"latencyStats": {}}}, 40415),
        ({"$collStats": {"nope": {}}}, 40415),
        ({"$listLocalSessions": {"users": []}}, 40415),
    ],
    ids=str,
)
def test_malformed_statistics_stage_is_refused(db: Docs, stage: Any, code: int) -> None:
    db.c.insert_one({})

    with pytest.raises(OperationFailure) as caught:
        db.c.aggregate([stage])

    assert caught.value.code == code


def test_statistics_of_no_collection_are_an_error(db: Docs) -> None:
    db.create_collection("v", viewOn="c")

    for name, code in (("missing", 26), ("v", 166)):
        with pytest.raises(OperationFailure) as caught:
            db[name].aggregate([{"$collStats": {"count": {}}}])
        assert caught.value.code == code
