"""Clients that name the version of the API that they speak."""

from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pymongo.server_api import ServerApi

from app.local_atlas.node import Node


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"apiVersion": "2"}, 322),
        ({"apiVersion": 1}, 322),
        ({"apiVersion": "1", "apiStrict": True, "distinct": "c", "key": "a"}, 323),
        ({"apiStrict": True}, 4886600),
        ({"apiDeprecationErrors": True}, 4886600),
    ],
    ids=str,
)
def test_what_the_version_does_not_have_is_refused(
    local_atlas: Node, options: dict[str, Any], code: int
) -> None:
    name = "distinct" if "distinct" in options else "ping"
    with (
        MongoClient[dict[str, Any]](local_atlas.uri) as client,
        pytest.raises(OperationFailure) as caught,
    ):
        client.t.command({name: options.pop(name, 1), **options})

    assert caught.value.code == code


@pytest.mark.parametrize("stage", [{"$listLocalSessions": {}}, {"$search": {}}], ids=str)
def test_strict_client_is_refused_stages_of_no_version(
    local_atlas: Node, stage: dict[str, Any]
) -> None:
    api = ServerApi("1", strict=True)
    with (
        MongoClient[dict[str, Any]](local_atlas.uri, server_api=api) as client,
        pytest.raises(OperationFailure) as caught,
    ):
        client.t.c.aggregate([stage])

    assert caught.value.code == 323


def test_strict_client_does_all_that_the_version_has(local_atlas: Node) -> None:
    api = ServerApi("1", strict=True, deprecation_errors=True)
    with MongoClient[dict[str, Any]](local_atlas.uri, server_api=api) as client:
        client.strict.c.insert_one({"_id": 1})

        assert client.strict.c.find_one() == {"_id": 1}
        assert client.strict.c.count_documents({}) == 1
        client.drop_database("strict")
