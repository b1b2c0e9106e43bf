"""An index that was saved is opened at the next start, and answers as if it had been built anew."""

import logging
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bson import ObjectId
from bson.binary import Binary, BinaryVectorDtype
from pymongo import MongoClient

from app.local_atlas.addresses import SocketAddress
from app.local_atlas.node import start_node
from app.local_atlas.search.index_keeper import FOLDER
from tests.local_atlas.processes import wait_until
from tests.local_atlas.search.asking import Documents, create_index, wait_until_ready

N, DIMENSIONS = 5000, 8
RANDOM = np.random.default_rng(1)
VALUES = RANDOM.standard_normal((2 * N, DIMENSIONS)).astype(np.float32)
VALUES /= np.linalg.norm(VALUES, axis=1, keepdims=True)
DEFINITION: dict[str, Any] = {
    "fields": [
        {"type": "vector", "path": "v", "numDimensions": DIMENSIONS, "similarity": "cosine"},
        {"type": "vector", "path": "small", "numDimensions": DIMENSIONS, "similarity": "cosine"},
        *({"type": "filter", "path": path} for path in ("word", "number", "words", "key")),
    ]
}


def document(i: int, vector: int | None = None) -> dict[str, Any]:
    values = VALUES[i if vector is None else vector]
    small = (values * 100).astype(np.int8)
    return {
        "_id": i,
        "v": Binary.from_vector(values.tolist(), BinaryVectorDtype.FLOAT32),
        "small": Binary.from_vector(small.tolist(), BinaryVectorDtype.INT8),
        "word": None if i % 7 == 0 else f"wörd {i % 100}",
        "number": i % 10 if i % 2 else i / 10,
        "words": [f"a{i % 3}", f"b{i % 5}"],
        "key": ObjectId(f"{i % 50:024x}"),
    }


@contextmanager
def serving(directory: Path) -> Iterator[Documents]:
    node = start_node(directory / "data", SocketAddress(directory / "test.sock"))
    try:
        with MongoClient[dict[str, Any]](node.uri, serverSelectionTimeoutMS=5000) as client:
            yield client.shop.items
    finally:
        node.close()


@pytest.fixture
def directory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Path:
    """The data directory of a closed server with an index that was saved."""
    caplog.set_level(logging.INFO)
    with serving(tmp_path) as documents:
        documents.insert_many([document(i) for i in range(N)])
        create_index(documents, DEFINITION)
    assert saved(tmp_path), "it was not saved"
    caplog.clear()
    return tmp_path


def saved(directory: Path) -> list[Path]:
    return sorted((directory / "data" / FOLDER).glob("*/manifest"))


def message(documents: Documents) -> str | None:
    (entry,) = documents.list_search_indexes()
    found: str | None = entry["statusDetail"][0]["mainIndex"].get("message")
    return found


QUERIES: list[dict[str, Any]] = [
    {"path": "v"},
    {"path": "v", "numCandidates": 200},
    {"path": "small"},
    {"path": "v", "filter": {"word": "wörd 17"}},
    {"path": "v", "filter": {"word": {"$gte": "wörd 5", "$lt": "wörd 7"}}},
    {"path": "v", "filter": {"number": {"$gt": 3.5}}},
    {"path": "v", "filter": {"number": 3}, "numCandidates": 100},
    {"path": "v", "filter": {"words": {"$in": ["a1", "b2"]}}},
    {"path": "v", "filter": {"word": None}},
    {"path": "v", "filter": {"key": ObjectId(f"{7:024x}")}},
    {"path": "v", "filter": {"word": {"$exists": False}}},
]


def answers(documents: Documents) -> list[list[tuple[Any, float]]]:
    found = []
    for query in QUERIES:
        is_small = query["path"] == "small"
        vector = VALUES[3] * 100 if is_small else VALUES[3]
        kind = BinaryVectorDtype.INT8 if is_small else BinaryVectorDtype.FLOAT32
        values = vector.astype(np.int8) if is_small else vector
        exact = {} if "numCandidates" in query else {"exact": True}
        stage = {
            "index": "default",
            "limit": 50,
            "queryVector": Binary.from_vector(values.tolist(), kind),
            **exact,
            **query,
        }
        stages = [{"$vectorSearch": stage}, {"$set": {"s": {"$meta": "vectorSearchScore"}}}]
        found.append([(hit["_id"], hit["s"]) for hit in documents.aggregate(stages)])
    return found


def built_anew(documents: Documents) -> list[list[tuple[Any, float]]]:
    """What an index says that was never saved."""
    documents.drop_search_index("default")
    create_index(documents, DEFINITION)
    return answers(documents)


def exact_only(all_answers: list[Any]) -> list[Any]:
    return [one for one, query in zip(all_answers, QUERIES, strict=True) if len(query) < 3]


def wait_until_opened(caplog: pytest.LogCaptureFixture, changes: int) -> None:
    """Wait for the line of the log, which comes when queries are answered already."""
    wait_until(lambda: f"Search index default opened with {changes} changes: " in caplog.text)


def test_an_opened_index_answers_as_it_did(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(directory) as documents:
        opened = answers(documents)
        wait_until_opened(caplog, 0)

        assert [len(one) > 0 for one in opened].count(False) == 1  # $exists: false
        assert exact_only(opened) == exact_only(built_anew(documents))


def test_what_changed_since_it_was_saved_is_brought_in(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(directory) as documents:
        change(documents)
    assert "saved in" not in caplog.text

    with serving(directory) as documents:
        opened = answers(documents)
        wait_until_opened(caplog, 700)
        found = {one for answer in opened for one, _ in answer}
        assert found.isdisjoint(range(0, 300))

        assert exact_only(opened) == exact_only(built_anew(documents))


def change(documents: Documents) -> None:
    """Delete 300, replace 200 and insert 200 documents."""
    documents.delete_many({"_id": {"$lt": 300}})
    for i in range(300, 500):
        documents.replace_one({"_id": i}, document(i, vector=N + i))
    documents.insert_many([document(i) for i in range(N, N + 200)])


def overwrite(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def some_file(directory: Path, suffix: str) -> Path:
    return max(directory.glob(f"data/{FOLDER}/*/*{suffix}"), key=lambda path: path.stat().st_size)


def damage_an_array(directory: Path) -> None:
    path = some_file(directory, ".arrays")
    overwrite(path, path.stat().st_size // 2)


def damage_the_first_row(directory: Path) -> None:
    overwrite(some_file(directory, ".rows"), 0)


def damage_the_last_row(directory: Path) -> None:
    path = some_file(directory, ".rows")
    overwrite(path, path.stat().st_size - 1)


def damage_the_manifest(directory: Path) -> None:
    overwrite(saved(directory)[0], 100)


def empty_the_manifest(directory: Path) -> None:
    saved(directory)[0].write_bytes(b"")


def cut_the_rows(directory: Path) -> None:
    path = some_file(directory, ".rows")
    path.write_bytes(path.read_bytes()[:-1000])


def cut_the_arrays(directory: Path) -> None:
    path = some_file(directory, ".arrays")
    path.write_bytes(path.read_bytes()[:-1])


def lose_the_rows(directory: Path) -> None:
    some_file(directory, ".rows").unlink()


def lose_everything(directory: Path) -> None:
    shutil.rmtree(directory / "data" / FOLDER)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_an_array, r"1\.arrays is damaged"),
        (damage_the_first_row, r"1\.\d\.rows is damaged"),
        (damage_the_last_row, r"1\.\d\.rows is damaged"),
        (damage_the_manifest, "its manifest is damaged"),
        (empty_the_manifest, "its manifest is damaged"),
        (cut_the_rows, r"1\.\d\.rows is too short"),
        (cut_the_arrays, r"1\.arrays is too short"),
        (lose_the_rows, r"1\.\d\.rows cannot be read: No such file or directory"),
        (lose_everything, "none was saved"),
    ],
)
def test_what_is_damaged_is_built_again_and_said(
    directory: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], None],
    reason: str,
) -> None:
    damage(directory)

    with serving(directory) as documents:
        rebuilt = answers(documents)
        assert re.search(
            rf"WARNING .* Search index default is built again from the documents: {reason}\.",
            caplog.text,
        )
        wait_until(lambda: "Search index default built: 5000 documents" in caplog.text)
        wait_until(lambda: message(documents) is None)
        assert exact_only(rebuilt) == exact_only(built_anew(documents))
    caplog.clear()

    with serving(directory) as documents:
        assert exact_only(answers(documents)) == exact_only(rebuilt)
        wait_until_opened(caplog, 0)


def test_files_of_another_version_are_not_used(
    directory: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.local_atlas.search.index_keeper._FORMAT", 99)

    with serving(directory) as documents:
        assert len(answers(documents)[0]) == 50

    assert "built again from the documents: it was saved with another format." in caplog.text


def test_files_of_an_older_definition_are_not_used(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (old,) = saved(directory)
    other = {"fields": [{**DEFINITION["fields"][0], "similarity": "euclidean"}]}
    with serving(directory) as documents:
        documents.update_search_index("default", other)
        wait_until_ready(documents)
        (entry,) = documents.list_search_indexes()
        assert not old.parent.exists()
    (new,) = saved(directory)
    assert new.parent.name == f"{entry['id']}.1"
    caplog.clear()

    # As if the directory of the new definition held what was built of another one.
    shutil.move(new.parent, old.parent)
    shutil.copytree(old.parent, new.parent)
    manifest = re.sub(rb'"definition": "[^"]*"', b'"definition": "another"', new.read_bytes())
    body = manifest.partition(b"\n")[2]
    new.write_bytes(f"{zlib.crc32(body):08x}\n".encode() + body)

    with serving(directory) as documents:
        wait_until_ready(documents)
        wait_until(lambda: "Search index default built" in caplog.text)
    assert "it was saved with another definition." in caplog.text
    assert not old.parent.exists()


def test_a_restored_database_is_not_searched_by_later_contents(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = directory / "data" / "local_atlas.sqlite"
    backup = database.read_bytes()
    with serving(directory) as documents:
        documents.update_many({}, {"$set": {"word": "new"}})
    with_later_contents = directory / "later"
    shutil.copytree(directory / "data" / FOLDER, with_later_contents)
    database.write_bytes(backup)

    with serving(directory) as documents:
        answers(documents)
        assert "the documents have another history" in caplog.text
        # Another history goes on under the same numbers.
        documents.update_many({}, {"$set": {"word": "other"}})
    shutil.rmtree(directory / "data" / FOLDER)
    with_later_contents.rename(directory / "data" / FOLDER)
    caplog.clear()

    with serving(directory) as documents:
        search = {"index": "default", "path": "v", "exact": True, "limit": 10}
        stage = {**search, "queryVector": VALUES[3].tolist(), "filter": {"word": "other"}}
        assert len(list(documents.aggregate([{"$vectorSearch": stage}]))) == 10
        assert "the documents have another history" in caplog.text


def test_a_dropped_index_leaves_no_files(directory: Path) -> None:
    with serving(directory) as documents:
        answers(documents)
        documents.drop_search_index("default")
        assert not list((directory / "data" / FOLDER).iterdir())


def journal(directory: Path) -> int:
    """Return how many writes the journal has."""
    with closing(sqlite3.connect(directory / "data" / "local_atlas.sqlite")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM search_journal").fetchone()
    return int(count)


def test_without_an_index_no_write_is_journaled(directory: Path) -> None:
    with serving(directory) as documents:
        answers(documents)
        assert journal(directory)
        documents.drop_search_index("default")
        documents.insert_one({"_id": "after"})
        assert not journal(directory)


def test_a_start_forgets_the_journal_of_collections_that_have_no_index(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "data" / "local_atlas.sqlite")) as connection:
        connection.execute("DELETE FROM search_indexes")
        connection.commit()
    assert journal(directory)

    with serving(directory):
        assert not journal(directory)


def test_a_dropped_collection_leaves_no_files(directory: Path) -> None:
    with serving(directory) as documents:
        documents.drop()
        assert not list((directory / "data" / FOLDER).iterdir())


def test_an_index_is_saved_while_the_server_runs_and_not_for_every_write(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serving(tmp_path) as documents:
        documents.insert_many([document(i) for i in range(N)])
        create_index(documents, DEFINITION)
        wait_until(lambda: "Search index default saved" in caplog.text)
        caplog.clear()

        for i in range(100):
            documents.replace_one({"_id": i}, document(i, vector=N + i))
    assert "saved" not in caplog.text


def test_only_new_rows_are_written(directory: Path) -> None:
    rows = {path: path.stat().st_mtime_ns for path in directory.rglob("*.rows")}
    with serving(directory) as documents:
        answers(documents)
        documents.insert_many([document(i) for i in range(N, N + 1500)])

    added = {path: path.stat().st_size for path in directory.rglob("*.rows") if path not in rows}
    assert all(path.stat().st_mtime_ns == written for path, written in rows.items())
    assert sorted(added.values()) == [1500 * DIMENSIONS, 1500 * DIMENSIONS * 4]


TEXTS = ["red shoes", "blue shoes of leather", "a red dress", ""]
SEARCH_DEFINITION: dict[str, Any] = {
    "mappings": {
        "dynamic": False,
        "fields": {
            "v": {"type": "knnVector", "dimensions": DIMENSIONS, "similarity": "cosine"},
            "title": [{"type": "string"}, {"type": "token"}, {"type": "autocomplete"}],
        },
    }
}


def text_answers(documents: Documents) -> list[set[Any]]:
    """What filters find: one whose texts were analysed before, and one that is asked first now."""
    found = []
    for operator in (
        {"text": {"path": "title", "query": "red"}},
        {"phrase": {"path": "title", "query": "shoes of leather"}},
        {"equals": {"path": "title", "value": "a red dress"}},
        {"autocomplete": {"path": "title", "query": "blu"}},
    ):
        knn = {"path": "v", "vector": VALUES[3].tolist(), "k": 2 * N, "filter": operator}
        hits = documents.aggregate([{"$search": {"index": "default", "knnBeta": knn}}])
        found.append({hit["_id"] for hit in hits})
    return found


@pytest.mark.parametrize("is_asked_before", [False, True], ids=["unanalysed", "analysed"])
def test_texts_are_found_as_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, is_asked_before: bool
) -> None:
    caplog.set_level(logging.INFO)
    with serving(tmp_path) as documents:
        documents.insert_many(
            [{"_id": i, "v": VALUES[i].tolist(), "title": TEXTS[i % 4]} for i in range(1200)]
        )
        create_index(documents, SEARCH_DEFINITION)
        if is_asked_before:
            text_answers(documents)
    with serving(tmp_path) as documents:
        documents.update_many({"_id": {"$lt": 100}}, {"$set": {"title": "red again"}})
        documents.delete_many({"_id": {"$gte": 1100}})

    with serving(tmp_path) as documents:
        found = text_answers(documents)
        wait_until_opened(caplog, 200)

    kept = range(100, 1100)
    assert found == [
        {*range(100), *(i for i in kept if i % 4 in (0, 2))},
        {i for i in kept if i % 4 == 1},
        {i for i in kept if i % 4 == 2},
        {i for i in kept if i % 4 == 1},
    ]


def test_nested_documents_are_found_as_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    vector = {"type": "vector", "numDimensions": 2, "similarity": "euclidean"}
    definition = {
        "nestedRoot": "parts",
        "fields": [{**vector, "path": "parts.v"}, {"type": "filter", "path": "parts.kind"}],
    }
    with serving(tmp_path) as documents:
        documents.insert_many(
            [
                {"_id": i, "parts": [{"v": [i, j], "kind": j} for j in range(i % 4)]}
                for i in range(1200)
            ]
        )
        create_index(documents, definition)
    with serving(tmp_path) as documents:
        documents.update_one({"_id": 7}, {"$set": {"parts": [{"v": [7, 0], "kind": 9}]}})
        documents.delete_one({"_id": 11})

    with serving(tmp_path) as documents:
        stage = {"index": "default", "path": "parts.v", "queryVector": [0.0, 0.0], "exact": True}
        search = {**stage, "limit": 5, "filter": {"parts.kind": {"$gte": 2}}}
        hits = [hit["_id"] for hit in documents.aggregate([{"$vectorSearch": search}])]
        wait_until_opened(caplog, 2)

    assert hits == [3, 7, 15, 19, 23]


def test_an_index_that_was_opened_takes_in_more(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(directory) as documents:
        answers(documents)
        wait_until_opened(caplog, 0)
        documents.insert_many([document(i) for i in range(N, 2 * N)])
        wait_until(lambda: message(documents) is None)
        wait_until(lambda: "Search index default saved" in caplog.text)

        approximate = recall(documents)
    with serving(directory) as documents:
        again = recall(documents)

    assert approximate > 0.9
    assert again == approximate


@pytest.mark.parametrize("quantization", ["scalar", "binary"])
def test_a_quantized_index_is_opened_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, quantization: str
) -> None:
    caplog.set_level(logging.INFO)
    vector = {**DEFINITION["fields"][0], "quantization": quantization}
    with serving(tmp_path) as documents:
        documents.insert_many([document(i) for i in range(2 * N)])
        create_index(documents, {"fields": [vector]})
        wait_until(lambda: message(documents) is None)
        before = recall(documents)
    caplog.clear()

    with serving(tmp_path) as documents:
        after = recall(documents)
        wait_until_opened(caplog, 0)
        assert message(documents) is None

    assert after == before


def recall(documents: Documents) -> float:
    """Return what part of the 20 nearest an approximate search of 200 candidates finds."""
    found = 0
    for query in VALUES[N + 100 : N + 120]:
        search = {"index": "default", "path": "v", "queryVector": query.tolist()}
        stage = {**search, "limit": 20, "numCandidates": 200}
        nearest = np.argsort(-(VALUES @ query))[:20].tolist()
        hits = documents.aggregate([{"$vectorSearch": stage}])
        found += len({hit["_id"] for hit in hits} & set(nearest))
    return found / 400
