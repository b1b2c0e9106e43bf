"""What a write asks of the nodes that are to have it."""

from typing import Any

import pytest
from bson import Decimal128, Int64
from pymongo.database import Database
from pymongo.errors import OperationFailure, WriteConcernError
from pymongo.write_concern import WriteConcern

Docs = Database[dict[str, Any]]


@pytest.mark.parametrize(
    "concern",
    [
        {},
        {"w": 0},
        {"w": 1, "j": True, "wtimeout": 100},
        {"w": Int64(1)},
        {"w": 1.0, "fsync": True},
        {"w": "majority"},
    ],
    ids=str,
)
def test_one_node_meets_what_one_node_can(db: Docs, concern: dict[str, Any]) -> None:
    reply = db.command("insert", "c", documents=[{"_id": 1}], writeConcern=concern)

    assert "writeConcernError" not in reply
    assert db.c.count_documents({}) == 1


@pytest.mark.parametrize(
    ("nodes", "code"), [(2, 100), (50, 100), (2.5, 100), ("east", 79)], ids=str
)
def test_write_that_asks_for_more_is_done_and_says_so(db: Docs, nodes: Any, code: int) -> None:
    with pytest.raises(WriteConcernError) as caught:
        db.get_collection("c", write_concern=WriteConcern(w=2)).insert_one({"_id": "driver"})
    ask = {"insert": "c", "documents": [{"_id": 1}], "writeConcern": {"w": nodes}}
    reply = db.command(ask, check=False, parse_write_concern_error=False)

    assert caught.value.code == 100
    assert reply["writeConcernError"]["code"] == code
    assert db.c.count_documents({}) == 2


@pytest.mark.parametrize(
    ("concern", "code"),
    [
        (1, 14),
        ({"w": -1}, 9),
        ({"w": 51}, 9),
        ({"w": True}, 9),
        ({"w": {"dc": 1}}, 9),
        ({"w": Decimal128("NaN")}, 9),
        ({"nodes": 2}, 9),
        ({"j": True, "fsync": True}, 9),
    ],
    ids=str,
)
def test_what_is_no_write_concern_is_refused_before_the_write(
    db: Docs, concern: Any, code: int
) -> None:
    with pytest.raises(OperationFailure) as caught:
        db.command({"insert": "c", "documents": [{}], "writeConcern": concern})

    assert caught.value.code == code
    assert db.list_collection_names() == []
