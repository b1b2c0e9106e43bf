"""From knnVector to vectorSearch and back, while queries go on."""

import json
import threading
import time

import numpy as np
import pytest
from bson import Binary
from pymongo.errors import PyMongoError

from app.errors import ConfigError, IndexNotReady
from app.index_care.apply import apply_plan
from app.index_care.asking import stored_queries
from app.index_care.comparing import compare_indexes
from app.index_care.converting import to_arrays, to_bindata
from app.index_care.deriving import check_stand_in, derived_content, write_index_file
from app.index_care.migrate import convert, prepare
from app.index_care.target import index_of, live_index
from app.indexes import read_index_file
from app.pipelines import search_pipeline
from tests import real_server
from tests.index_care.definitions import knn_definition, vector_definition
from tests.index_care.vectors import float32

DIMENSIONS = 8
OLD = knn_definition(
    DIMENSIONS,
    kind={"type": "token"},
    price=[{"type": "number"}, {"type": "string"}],
    made={"type": "document", "fields": {"on": {"type": "date"}}},
    title={"type": "string"},
)
PER_SECOND = 50


def documents(count):
    rows = np.random.default_rng(5).standard_normal((count, DIMENSIONS)).astype(np.float32)
    return [{"_id": number, "v": row.tolist(), "kind": "a"} for number, row in enumerate(rows)]


@pytest.fixture
def timeout_s():
    return 30.0 if real_server.asked is None else real_server.DEADLINE_S


@pytest.fixture
def old(collection, make_index, apply):
    """A live index with knnVector over vectors in arrays."""
    collection.insert_many(documents(400))
    apply(make_index(OLD, "old"))
    return live_index(collection, "old")


@pytest.fixture
def new(old, tmp_path):
    """The index that stands in for it, as a file."""
    write_index_file(tmp_path / "new.json", derived_content(old, "new"))
    return read_index_file(tmp_path / "new.json")


class Shop:
    """Asks whichever index is the current one, 50 times a second, and keeps every answer."""

    def __init__(self, collection, index):
        self.index = index
        self.answers = []
        self._collection = collection
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask_on)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()

    def hits(self, index):
        """Return the hits of some queries, without waiting for anything."""
        return [self._ask(index, number) for number in range(20)]

    def _ask_on(self):
        number = 0
        while not self._is_over.wait(1 / PER_SECOND):
            number += 1
            try:
                self.answers.append(self._ask(self.index, number % 20))
            except PyMongoError as error:
                self.answers.append(error)

    def _ask(self, index, number):
        query = np.random.default_rng(number).standard_normal(DIMENSIONS).astype(np.float32)
        stages = search_pipeline(index, query, limit=10, num_candidates=400)
        return [(hit["item"]["_id"], hit["score"]) for hit in self._collection.aggregate(stages)]


def assert_same(some, others):
    for hits, other_hits in zip(some, others, strict=True):
        assert [item_id for item_id, _ in hits] == [item_id for item_id, _ in other_hits]
        scores = [score for _, score in other_hits]
        assert [score for _, score in hits] == pytest.approx(scores, abs=1e-5)


def kinds_of_vectors(collection):
    return {type(one["v"]) for one in collection.find({}, {"v": 1})}


def test_no_query_fails_or_is_empty_on_the_way_there_and_back(collection, old, new, timeout_s):
    with Shop(collection, old) as shop:
        before = shop.hits(old)
        time.sleep(0.3)
        prepared = prepare(collection, old, new, timeout_s=timeout_s)
        shop.index = new
        converted = convert(collection, old, new, timeout_s=timeout_s, is_back=False)
        time.sleep(0.3)
        assert kinds_of_vectors(collection) == {Binary}
        after = shop.hits(new)
        back = convert(collection, old, new, timeout_s=timeout_s, is_back=True)
        shop.index = old
        time.sleep(0.3)
        again = shop.hits(old)

    assert prepared.is_good
    assert converted.is_good
    assert back.is_good
    assert (converted.converted.changed, back.converted.changed) == (400, 400)
    assert kinds_of_vectors(collection) == {list}
    assert_same(before, after)
    assert_same(before, again)
    assert len(shop.answers) > 30
    assert [one for one in shop.answers if not isinstance(one, list) or len(one) != 10] == []


def test_derived_index_declares_every_filter(old, new):
    assert new.definition["fields"] == [
        {"type": "vector", "path": "v", "numDimensions": DIMENSIONS, "similarity": "cosine"},
        {"type": "filter", "path": "kind"},
        {"type": "filter", "path": "made.on"},
        {"type": "filter", "path": "price"},
    ]
    assert new.filter_types == {"kind": "token", "made.on": "date", "price": "number"}
    check_stand_in(old, new)


def test_filter_of_any_type_is_declared(make_index, tmp_path):
    definition = knn_definition(DIMENSIONS, owner={"type": "uuid"}, made={"type": "date"})
    live = index_of({"name": "old", "latestDefinition": definition}, None, "float32")

    write_index_file(tmp_path / "new.json", derived_content(live, "new"))

    derived = read_index_file(tmp_path / "new.json")
    check_stand_in(live, derived)
    assert set(derived.filter_types) == {"made", "owner"}


def test_nothing_is_derived_under_the_old_name_or_from_a_vector_search_index(make_index):
    old = make_index(knn_definition(DIMENSIONS), "old")
    vector = make_index(vector_definition(dimensions=DIMENSIONS), "vector")

    with pytest.raises(IndexNotReady, match="cannot be named old, as the old one is"):
        derived_content(old, "old")
    with pytest.raises(IndexNotReady, match="leads from search to vectorSearch"):
        derived_content(vector, "new")


@pytest.mark.parametrize(
    ("definition", "part"),
    [
        (OLD, "migrate leads from search to vectorSearch"),
        (vector_definition("kind", "price", "made.on"), "The dimensions of search index old is 8"),
        (
            vector_definition("kind", "price", dimensions=DIMENSIONS),
            "does not declare made.on, which queries over old may filter on",
        ),
        (
            vector_definition("kind", dimensions=DIMENSIONS, similarity="euclidean"),
            "The similarity of search index old is cosine and that of v is euclidean",
        ),
    ],
    ids=["type", "dimensions", "filter", "similarity"],
)
def test_index_that_cannot_stand_in_is_refused(make_index, definition, part):
    with pytest.raises(IndexNotReady, match=part):
        check_stand_in(make_index(OLD, "old"), make_index(definition))


def test_nothing_is_converted_before_both_indexes_agree(collection, old, new, timeout_s):
    with pytest.raises(IndexNotReady, match="so no vector was changed"):
        convert(collection, old, new, timeout_s=timeout_s, is_back=False)

    assert kinds_of_vectors(collection) == {list}


def test_documents_that_neither_index_has_are_not_lost(own_server, make_index, tmp_path):
    collection = own_server().create_collection("c")
    nested = [[1.0, *[0.5] * (DIMENSIONS - 1)]]
    collection.insert_many([*documents(50), {"_id": "bad", "v": [1.0]}, {"_id": "x", "v": nested}])
    index = make_index(knn_definition(DIMENSIONS), "old")
    apply_plan(collection, index, timeout_s=30)
    write_index_file(tmp_path / "new.json", derived_content(index, "new"))

    report = prepare(collection, index, read_index_file(tmp_path / "new.json"), timeout_s=30)

    assert report.missing == 0
    assert report.created


@pytest.mark.local_atlas_only  # which shows a write at once
def test_different_answers_are_told_and_not_to_switch_is_the_advice(
    collection, old, make_index, apply, timeout_s
):
    other = make_index(vector_definition("kind", dimensions=DIMENSIONS), "other")
    apply(make_index(knn_definition(DIMENSIONS, kind={"type": "token"}), "plain"))
    plain = live_index(collection, "plain")
    apply(other)
    queries = stored_queries(collection, plain, 10)
    assert compare_indexes(collection, plain, other, queries).is_same
    collection.insert_one({"_id": "nested", "v": [queries[0].vector.tolist()]})
    collection.update_many({"_id": {"$lt": 100}}, {"$set": {"v": [queries[0].vector.tolist()]}})

    report = prepare(collection, plain, other, timeout_s=timeout_s)

    assert not report.is_good
    assert report.next_step.startswith("Do not switch")


def test_vector_that_somebody_writes_meanwhile_is_left_alone(collection, monkeypatch):
    collection.insert_many(documents(10))
    newer = [float(number) for number in range(DIMENSIONS)]
    bulk_write = type(collection).bulk_write

    def write_first(one, *arguments, **options):
        one.update_one({"_id": 3}, {"$set": {"v": newer}})
        return bulk_write(one, *arguments, **options)

    monkeypatch.setattr(type(collection), "bulk_write", write_first)

    converted = to_bindata(collection, "v")

    assert (converted.changed, converted.left) == (9, 1)
    assert collection.find_one({"_id": 3})["v"] == newer


def test_numbers_are_those_that_the_engine_sees_and_bad_vectors_stay(collection):
    bad = {
        "text": [1.0, "x"],
        "null": None,
        "infinite": [1.0, 1e39],
        "int8": Binary(b"\x03\x00\x01", 9),
    }
    collection.insert_many([{"_id": key, "v": value} for key, value in bad.items()])
    collection.insert_many([{"_id": "good", "v": [0.1, 2]}, {"_id": "done", "v": float32(1, 2)}])

    there = to_bindata(collection, "v")
    stored = collection.find_one({"_id": "good"})["v"]
    back = to_arrays(collection, "v")

    assert (there.changed, there.left) == (1, 2)
    assert stored == float32(0.1, 2)
    assert (back.changed, back.left) == (2, 1)
    assert collection.find_one({"_id": "good"})["v"] == [float(np.float32(0.1)), 2.0]
    for key, value in bad.items():
        assert collection.find_one({"_id": key})["v"] == value


def test_index_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        write_index_file(tmp_path, {})


def test_report_is_json(collection, old, new, timeout_s):
    report = prepare(collection, old, new, timeout_s=timeout_s)

    told = json.loads(json.dumps(report.as_dict()))
    assert (told["from"], told["to"], told["same_answers"], told["missing"]) == (
        "old",
        "new",
        100,
        0,
    )
