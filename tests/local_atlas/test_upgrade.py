"""A data file of an earlier version: its indexes are built again when it is opened."""

import logging
import sqlite3
from pathlib import Path

import bson
import pytest

from app.local_atlas.index_scan import Counts
from app.local_atlas.new_document import NewDocument
from app.local_atlas.persistence import FILE_NAME, FORMAT_VERSION
from app.local_atlas.query_plans import FindOptions
from app.local_atlas.store import Store

DOCUMENTS = [{"_id": 1, "a": 5}, {"_id": 2, "a": [1, 5]}, {"_id": 3, "a": [3, [1]]}]


def _file_of_version_3(directory: Path, *, unique: bool) -> None:
    """Make a data file with an index, and give the index the table that version 3 gave it."""
    store = Store(directory)
    with store.write() as transaction:
        new = [NewDocument(bson.encode(each), each) for each in DOCUMENTS]
        transaction.writer("db", "c").insert_many(new)
    collection = store.collection("db", "c")
    assert collection is not None
    with store.write() as transaction:
        transaction.create_index(collection, {"v": 2, "key": {"a": 1}, "name": "a_1"})
    store.close()
    connection = sqlite3.connect(directory / FILE_NAME)
    specification = {"v": 2, "key": {"a": 1}, "name": "a_1", "unique": unique}
    connection.execute("UPDATE indexes SET specification = ?", (bson.encode(specification),))
    connection.execute("DROP TABLE index_1")
    connection.execute("CREATE TABLE index_1 (key BLOB, record_id INTEGER)")
    connection.execute("DELETE FROM multikey_paths")
    connection.execute("PRAGMA user_version = 3")
    connection.commit()
    connection.close()


def test_index_of_an_earlier_version_is_built_again(tmp_path: Path) -> None:
    _file_of_version_3(tmp_path, unique=False)

    store = Store(tmp_path)

    collection = store.collection("db", "c")
    assert collection is not None
    counts = Counts()
    found = collection.find({"a": {"$lt": 4}}, options=FindOptions(counts=counts))
    assert [row.document["_id"] for _, row in found] == [2, 3]
    assert counts.documents == 2
    assert collection.indexes[0].multikey == {0}
    assert store.persistence.read("PRAGMA user_version") == [(FORMAT_VERSION,)]
    store.close()


def test_index_that_its_documents_do_not_allow_is_dropped_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _file_of_version_3(tmp_path, unique=True)

    with caplog.at_level(logging.WARNING):
        store = Store(tmp_path)
    store.close()
    again = Store(tmp_path)

    collection = again.collection("db", "c")
    assert collection is not None
    assert collection.indexes == ()
    assert "Index a_1 of db.c is dropped: E11000" in caplog.text
    assert len(list(collection.find({"a": 5}))) == 2
    again.close()
