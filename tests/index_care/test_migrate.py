"""From knnVector to vectorSearch and back, while queries go on."""

import json
import threading
import time

import numpy as np
import pytest
from bson import Binary
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from app.errors import ConfigError, DatabaseUnavailable, IndexNotReady
from app.index_care.apply import apply_plan
from app.index_care.asking import stored_queries
from app.index_care.comparing import compare_indexes
from app.index_care.converting import to_arrays, to_bindata
from app.index_care.deriving import check_stand_in, derived_content, write_index_file
from app.index_care.migrate import Pair, convert, lead_back, prepare, switch
from app.index_care.refusals import IndexRefused
from app.index_care.status import read_status
from app.index_care.switching import read_switch, switch_over
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
NEW = vector_definition(dimensions=DIMENSIONS)
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
        prepared = prepare(Pair(collection, old, new), timeout_s=timeout_s)
        shop.index = new
        converted = convert(Pair(collection, old, new), timeout_s=timeout_s)
        time.sleep(0.3)
        assert kinds_of_vectors(collection) == {Binary}
        after = shop.hits(new)
        back = lead_back(Pair(collection, old, new), timeout_s=timeout_s)
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


def test_switch_is_written_down_and_told_until_the_way_back_takes_it_away(
    collection, old, new, timeout_s
):
    report = switch(Pair(collection, old, new), timeout_s=timeout_s)

    told = read_status(collection, in_file=old)
    assert (report.step, report.asked) == ("switched", "new")
    assert read_switch(collection, "old").index == new
    assert told.asked == "new"
    assert "new is asked instead of old, since 20" in told.as_text()
    assert read_status(collection, in_file=old, follows=False).asked == "old"
    back = lead_back(Pair(collection, old, new), timeout_s=timeout_s)
    assert back.asked == "old"
    assert read_switch(collection, "old") is None
    assert read_status(collection, in_file=old).asked == "old"


def test_way_back_is_open_where_the_new_index_is_gone(collection, old, new, timeout_s):
    pair = Pair(collection, old, new)
    switch(pair, timeout_s=timeout_s)
    convert(pair, timeout_s=timeout_s)
    collection.drop_search_index("new")

    report = lead_back(pair, timeout_s=timeout_s)

    assert report.is_good
    assert report.asked == "old"
    assert kinds_of_vectors(collection) == {list}
    assert "old finds every good vector; verify --index new tells" in report.next_step


def test_old_index_that_does_not_catch_up_is_not_gone_back_to(own_server, make_index):
    collection = own_server(index_lag_ms=3_600_000).c
    old, new = make_index(knn_definition(DIMENSIONS), "old"), make_index(NEW, "new")
    apply_plan(collection, old, timeout_s=30)
    switch_over(collection, "old", new)
    collection.insert_many(documents(7))

    with pytest.raises(IndexNotReady, match="old does not find 7 documents 0 s after"):
        lead_back(Pair(collection, old, new), timeout_s=0)

    assert read_switch(collection, "old").index == new


def test_user_who_may_not_write_the_switch_is_told_what_to_ask_for(
    collection, old, new, monkeypatch
):
    def refuse(*_, **__):
        raise OperationFailure("not authorized", 13)

    monkeypatch.setattr(type(collection), "replace_one", refuse)

    with pytest.raises(IndexRefused, match="ask the administrator for the role readWrite"):
        switch_over(collection, "old", new)


@pytest.mark.parametrize(
    ("step", "method", "part"),
    [
        (prepare, "aggregate", "new stands, and nothing was switched; run this again."),
        (switch, "replace_one", "which index is asked is not known; run status, then this again."),
        (convert, "bulk_write", "both indexes find vectors of either kind; run this again"),
        (lead_back, "bulk_write", "run status, then this again until old is asked."),
    ],
)
def test_lost_connection_tells_what_stands_and_what_to_run_next(
    collection, old, new, monkeypatch, timeout_s, step, method, part
):
    pair = Pair(collection, old, new)
    prepare(pair, timeout_s=timeout_s)
    if step is lead_back:
        convert(pair, timeout_s=timeout_s)

    def lose(*_, **__):
        raise ConnectionFailure("gone")

    monkeypatch.setattr(type(collection), method, lose)

    with pytest.raises(DatabaseUnavailable, match=part):
        step(pair, timeout_s=timeout_s)


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
        convert(Pair(collection, old, new), timeout_s=timeout_s)

    assert kinds_of_vectors(collection) == {list}


def test_documents_that_neither_index_has_are_not_lost(own_server, make_index, tmp_path):
    collection = own_server().create_collection("c")
    nested = [[1.0, *[0.5] * (DIMENSIONS - 1)]]
    collection.insert_many([*documents(50), {"_id": "bad", "v": [1.0]}, {"_id": "x", "v": nested}])
    index = make_index(knn_definition(DIMENSIONS), "old")
    apply_plan(collection, index, timeout_s=30)
    write_index_file(tmp_path / "new.json", derived_content(index, "new"))

    report = prepare(Pair(collection, index, read_index_file(tmp_path / "new.json")), timeout_s=30)

    assert report.missing == 0
    assert report.is_created


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

    report = switch(Pair(collection, plain, other), timeout_s=timeout_s)

    assert not report.is_good
    assert (report.step, report.missing, report.only_in_new) == ("prepared", 0, 101)
    assert report.next_step == (
        "Do not switch: other finds more; verify --index plain tells what plain misses and why."
    )
    assert read_switch(collection, "plain") is None


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
    report = prepare(Pair(collection, old, new), timeout_s=timeout_s)

    told = json.loads(json.dumps(report.as_dict()))
    assert (told["from"], told["to"], told["same_answers"], told["missing"]) == (
        "old",
        "new",
        100,
        0,
    )
