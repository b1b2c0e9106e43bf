"""How far an index is behind is told from the documents that were written last."""

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from pymongo.errors import OperationFailure

from app.index_care.apply import apply_plan
from app.index_care.lag import Lag, measure_lag
from app.index_care.status import read_status
from tests.index_care.definitions import vector_definition
from tests.index_care.vectors import float32

HOUR_MS = 3_600_000
DEFINITION = vector_definition("_id")


@pytest.fixture
def index(make_index):
    return make_index(DEFINITION)


@pytest.fixture
def late(own_server, index):
    """A collection with 150 documents, whose index shows what is written now an hour later."""
    collection = own_server(index_lag_ms=HOUR_MS).c
    start = datetime.now(UTC) - timedelta(days=1)
    collection.insert_many(
        [
            {
                "_id": number,
                "v": float32(1, number),
                "updated_at": start + timedelta(seconds=number),
            }
            for number in range(150)
        ]
    )
    apply_plan(collection, index, timeout_s=30)
    return collection


def test_documents_that_were_inserted_last_are_taken_where_no_index_is_on_their_date(late, index):
    late.insert_many([{"_id": f"new {number}", "v": float32(1, 1)} for number in range(3)])
    late.insert_one({"_id": "bad", "v": [1.0]})

    assert measure_lag(late, index) == Lag(3, 100, None)


def test_age_is_that_of_the_id_where_no_date_is_told(late, index):
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    late.insert_one({"_id": ObjectId.from_datetime(hour_ago), "v": float32(1, 1)})

    lag = measure_lag(late, index)

    assert lag.documents == 1
    assert 3600 <= lag.seconds < 3700


def test_documents_of_the_latest_dates_are_taken_where_an_index_is_on_their_date(late, index):
    late.create_index("updated_at")
    late.update_one({"_id": 0}, {"$set": {"updated_at": datetime.now(UTC), "v": float32(7, 7)}})
    late.insert_one({"_id": "old", "v": float32(1, 1), "updated_at": datetime(2020, 1, 1)})

    assert measure_lag(late, index) == Lag(0, 100, 0.0)
    late.insert_one({"_id": "new", "v": float32(1, 1), "updated_at": datetime.now(UTC)})
    assert measure_lag(late, index).documents == 1


def test_user_who_may_not_list_indexes_is_told_all_the_same(late, index, monkeypatch):
    def refuse(_):
        raise OperationFailure("not authorized", 13)

    monkeypatch.setattr(type(late), "index_information", refuse)
    late.insert_one({"_id": "new", "v": float32(1, 1)})

    assert measure_lag(late, index) == Lag(1, 100, None)


def test_status_tells_the_lag_of_an_index_that_can_be_asked_for_ids(late, index, make_index):
    apply_plan(late, make_index(vector_definition(), "other"), timeout_s=30)
    late.insert_one({"_id": "new", "v": float32(1, 1)})

    report = read_status(late, in_file=index)

    assert {one.name: one.lag for one in report.indexes} == {"v": Lag(1, 100, None), "other": None}
    line = "  lag: 1 of the 100 newest documents are not searchable yet"
    assert report.as_text().count(line) == 1
    first, second = report.as_dict()["indexes"]
    assert {first["index"]: first["lag"], second["index"]: second["lag"]} == {
        "v": {"documents": 1, "of_the_newest": 100, "seconds": None},
        "other": None,
    }
