"""Everything that is not searchable is found, with its reason, and nothing else is."""

import math
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest
from bson import Binary, Decimal128, Int64, ObjectId

from app.index_care import verify
from app.index_care.apply import apply_plan
from app.index_care.faults import Reason
from app.index_care.target import live_index
from app.index_care.verify import verify_index
from app.local_atlas.errors import CommandError
from app.local_atlas.search import stages
from tests.index_care.definitions import knn_definition, vector_definition
from tests.index_care.vectors import float32, int8

DIMENSIONS = 8
HOUR_MS = 3_600_000
NUMBER, TOKEN = {"type": "number"}, {"type": "token"}
ID_BATCHES, EXACT, KNN_BETA = "batches of _id", "one exact search", "knnBeta"

KINDS = {
    "vectorSearch with _id": (vector_definition("_id", dimensions=DIMENSIONS), ID_BATCHES),
    "vectorSearch without": (vector_definition(dimensions=DIMENSIONS), EXACT),
    "search with _id": (knn_definition(DIMENSIONS, _id=[TOKEN, NUMBER]), ID_BATCHES),
    "search without": (knn_definition(DIMENSIONS), EXACT),
}
FIVE_BAD = (
    (Reason.WRONG_DIMENSIONS, float32(*range(1, DIMENSIONS))),
    (Reason.ZERO_VECTOR, float32(*[0.0] * DIMENSIONS)),
    (Reason.NOT_FINITE, float32(math.nan, *[1.0] * (DIMENSIONS - 1))),
    (Reason.WRONG_TYPE, int8(*[1] * DIMENSIONS)),
    (Reason.WRONG_TYPE, [1.0, "1"]),
)


def documents(count, *, first=0):
    rows = np.random.default_rng(first).standard_normal((count, DIMENSIONS)).astype(np.float32)
    return [
        {"_id": first + number, "v": float32(*row.tolist()), "embedded_by": f"model{number % 2}"}
        for number, row in enumerate(rows)
    ]


def with_bad_ones(all_documents, seed=1):
    """Put one bad vector in every hundred; return what each is missing for."""
    random = np.random.default_rng(seed)
    chosen = random.choice(len(all_documents), len(all_documents) // 100, replace=False)
    expected = {}
    for number, place in enumerate(sorted(chosen)):
        reason, all_documents[place]["v"] = FIVE_BAD[number % len(FIVE_BAD)]
        expected[all_documents[place]["_id"]] = reason
    return expected


def nested(definition):
    """Return a definition with its vector field `v` inside `a`."""
    if "fields" in definition:
        return {
            "fields": [
                {**one, "path": "a.v"} if one["path"] == "v" else one
                for one in definition["fields"]
            ]
        }
    fields = dict(definition["mappings"]["fields"])
    inner = {"type": "document", "fields": {"v": fields.pop("v")}}
    return {"mappings": {"dynamic": False, "fields": {**fields, "a": inner}}}


def missing_of(report):
    return {one.item_id: one.reason for one in report.missing}


@pytest.mark.parametrize("kind", list(KINDS))
def test_one_bad_vector_in_a_hundred_is_found_with_its_reason_and_no_false_alarm(
    collection, make_index, apply, kind
):
    definition, method = KINDS[kind]
    written = documents(1500)
    expected = with_bad_ones(written)
    collection.insert_many([*written, {"_id": "no vector"}, {"_id": "null", "v": None}])
    apply(make_index(definition))

    report = verify_index(collection, live_index(collection, "v"))

    assert missing_of(report) == expected
    assert set(expected.values()) == {reason for reason, _ in FIVE_BAD}
    assert report.method == method
    assert (report.documents, report.with_vector) == (1502, 1500)
    assert report.searchable == 1500 - len(expected)
    assert not report.is_good


def test_counts_are_told_by_fingerprint(collection, make_index, apply):
    written = documents(10)
    written[0]["v"] = [1.0]
    del written[2]["embedded_by"]
    collection.insert_many(written)
    apply(make_index(vector_definition("_id", dimensions=DIMENSIONS)))

    report = verify_index(collection, live_index(collection, "v"))

    counts = {key: (one.documents, one.searchable) for key, one in report.by_fingerprint.items()}
    assert counts == {"model0": (4, 3), "model1": (5, 5), None: (1, 1)}


@pytest.mark.parametrize("kind", ["vectorSearch without", "search without"])
def test_it_works_past_ten_thousand(collection, make_index, apply, kind):
    written = documents(10_200)
    written[7]["v"] = [1.0]
    collection.insert_many(written)
    apply(make_index(KINDS[kind][0]))

    report = verify_index(collection, live_index(collection, "v"))

    assert missing_of(report) == {7: Reason.WRONG_DIMENSIONS}
    assert report.searchable == 10_199


def test_ids_of_every_type_are_asked_for(collection, make_index, apply):
    ids = [
        *("text", "", 5, 5.5, -7.25, Int64(2**53 + 1), Int64(2**53 + 2), True),
        *(ObjectId(), datetime(2026, 1, 1, tzinfo=UTC), UUID(int=7)),
        *({"a": 1}, Decimal128("1.5"), Binary(b"x"), None, "x" * 9000, "\U0001f455" * 4100),
    ]
    vector = float32(*range(1, DIMENSIONS + 1))
    collection.insert_many([{"_id": one, "v": vector} for one in ids])
    collection.insert_many([{"_id": {"bad": 1}, "v": [1.0]}, {"_id": 6, "v": [1.0]}])
    apply(make_index(vector_definition("_id", dimensions=DIMENSIONS)))

    report = verify_index(collection, live_index(collection, "v"))

    assert [one.item_id for one in report.missing] == [{"bad": 1}, 6]
    assert report.searchable == len(ids)


def test_ids_of_a_type_that_the_index_does_not_map_are_found_otherwise(
    collection, make_index, apply
):
    collection.insert_many([*documents(20), {"_id": "text", "v": documents(1)[0]["v"]}])
    collection.insert_one({"_id": "bad", "v": [1.0]})
    apply(make_index(knn_definition(DIMENSIONS, _id=TOKEN)))

    report = verify_index(collection, live_index(collection, "v"))

    assert missing_of(report) == {"bad": Reason.WRONG_DIMENSIONS}


def test_document_that_is_deleted_meanwhile_is_not_missing(
    collection, make_index, apply, monkeypatch
):
    collection.insert_many(documents(10))
    apply(make_index(vector_definition("_id", dimensions=DIMENSIONS)))
    scanned = verify._scanned

    def scan_and_delete(*arguments, **options):
        for rows in scanned(*arguments, **options):
            collection.delete_one({"_id": 3})
            yield rows

    monkeypatch.setattr(verify, "_scanned", scan_and_delete)

    report = verify_index(collection, live_index(collection, "v"))

    assert report.is_good
    assert (report.with_vector, report.searchable) == (9, 9)


@pytest.mark.parametrize("kind", list(KINDS))
def test_array_without_a_vector_on_the_way_to_the_path_is_no_vector(
    collection, make_index, apply, kind
):
    definition = nested(KINDS[kind][0])
    collection.insert_many([{"_id": one["_id"], "a": {"v": one["v"]}} for one in documents(3)])
    collection.insert_many([{"a": []}, {"a": [{"x": 1}]}, {"a": [{"v": None}]}, {"a": 5}])
    apply(make_index(definition))

    report = verify_index(collection, live_index(collection, "v"))

    assert report.is_good
    assert (report.documents, report.with_vector, report.searchable) == (7, 3, 3)


def test_vector_that_is_taken_away_meanwhile_is_not_missing(
    collection, make_index, apply, monkeypatch
):
    collection.insert_many([*documents(9), {"_id": 9, "v": [1.0]}])
    apply(make_index(vector_definition("_id", dimensions=DIMENSIONS)))
    scanned = verify._scanned

    def scan_and_take(*arguments, **options):
        for rows in scanned(*arguments, **options):
            collection.update_one({"_id": 9}, {"$unset": {"v": 1}})
            yield rows

    monkeypatch.setattr(verify, "_scanned", scan_and_take)

    report = verify_index(collection, live_index(collection, "v"))

    assert report.is_good
    assert (report.with_vector, report.searchable) == (9, 9)


@pytest.mark.parametrize("other", [["a", 1], {"a": 1}, datetime(2026, 1, 1, tzinfo=UTC)])
def test_what_is_no_text_is_no_fingerprint(collection, make_index, apply, other):
    (written,) = documents(1)
    collection.insert_one({**written, "embedded_by": other})
    apply(make_index(vector_definition("_id", dimensions=DIMENSIONS)))

    report = verify_index(collection, live_index(collection, "v"))

    assert list(report.by_fingerprint) == [None]
    assert report.searchable == 1


def test_index_that_lags_is_told_from_bad_vectors(own_server, make_index):
    collection = own_server(index_lag_ms=HOUR_MS).c
    collection.insert_many(documents(200))
    index = make_index(vector_definition("_id", dimensions=DIMENSIONS))
    apply_plan(collection, index, timeout_s=30)
    later = documents(500, first=1000)
    expected = with_bad_ones(later)
    collection.insert_many(later)

    report = verify_index(collection, index)

    behind = {one["_id"]: Reason.LAG for one in later}
    assert missing_of(report) == {**behind, **expected}
    assert report.caught_up_s is None


@pytest.mark.parametrize("kind", ["vectorSearch with _id", "search without"])
def test_what_lags_is_waited_for(own_server, make_index, kind):
    collection = own_server(index_lag_ms=400).c
    index = make_index(KINDS[kind][0])
    apply_plan(collection, index, timeout_s=30)
    collection.insert_many([*documents(50), {"_id": "bad", "v": "no vector"}])

    report = verify_index(collection, index, wait_s=20)

    assert missing_of(report) == {"bad": Reason.WRONG_TYPE}
    assert report.caught_up == 50
    assert report.caught_up_s is not None
    assert report.searchable == 50


def test_older_vector_than_the_document_s_is_found_where_vectors_are_compared(
    own_server, make_index
):
    collection = own_server(index_lag_ms=HOUR_MS).c
    collection.insert_many(documents(300))
    index = make_index(vector_definition("_id", dimensions=DIMENSIONS))
    apply_plan(collection, index, timeout_s=30)
    for changed in documents(20, first=50):
        collection.update_one({"_id": changed["_id"]}, {"$set": {"v": changed["v"]}})
    collection.update_one({"_id": 1}, {"$set": {"v": [1.0]}})

    unseen, seen = verify_index(collection, index), verify_index(collection, index, compare=True)

    assert unseen.is_good
    stale = dict.fromkeys(range(50, 70), Reason.STALE)
    assert missing_of(seen) == {1: Reason.WRONG_DIMENSIONS, **stale}


@pytest.mark.parametrize("similarity", ["cosine", "dotProduct", "euclidean"])
@pytest.mark.parametrize("quantization", ["none", "scalar", "binary"])
def test_comparing_vectors_gives_no_false_alarm(
    collection, make_index, apply, similarity, quantization
):
    written = documents(400)
    for number in range(0, 400, 2):  # arrays of doubles, which the engine narrows
        written[number]["v"] = [float(x) * 1.1 for x in written[number]["v"].as_vector().data]
    collection.insert_many(written)
    options = {"similarity": similarity, "quantization": quantization}
    apply(make_index(vector_definition("_id", dimensions=DIMENSIONS, **options)))

    assert verify_index(collection, live_index(collection, "v"), compare=True).is_good


def test_int8_vectors_are_asked_for_with_int8(collection, make_index, apply):
    collection.insert_many([{"_id": number, "v": int8(number, 1)} for number in range(20)])
    collection.insert_one({"_id": "float32", "v": float32(1, 1)})
    apply(make_index(vector_definition("_id")))

    report = verify_index(collection, live_index(collection, "v"), compare=True)

    assert report.vector_type == "int8"
    assert missing_of(report) == {"float32": Reason.WRONG_TYPE}


def test_knn_beta_is_asked_where_a_server_refuses_vector_search_over_a_search_index(
    own_server, make_index, monkeypatch
):
    def refuse(*_):
        raise CommandError(8, "UnknownError", "v must be indexed as vector")

    monkeypatch.setattr(stages, "run_vector_search", refuse)
    collection = own_server().c
    written = documents(11_000)
    expected = with_bad_ones(written)
    collection.insert_many(written)
    apply_plan(collection, make_index(knn_definition(DIMENSIONS)), timeout_s=30)

    report = verify_index(collection, live_index(collection, "v"))

    assert report.method == KNN_BETA
    assert missing_of(report) == expected


def test_report_names_one_document_a_reason(collection, make_index, apply):
    collection.insert_many([{"_id": "a", "v": [1.0]}, {"_id": "b", "v": [1, 2]}, {"_id": "c"}])
    apply(make_index(vector_definition("_id")))

    lines = verify_index(collection, live_index(collection, "v")).as_text().splitlines()

    assert lines[0] == f"v on {collection.full_name}: 3 documents, 2 with a value at v"
    assert lines[1].startswith("searchable with float32 queries: 1; missing: 1 (")
    assert lines[2] == "  no fingerprint: 2 documents, 1 searchable"
    assert lines[3] == (
        "  wrong dimensions: 1, as v of 'a', which has 1 dimensions, the index wants 2"
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_thousand_bad_vectors_among_a_hundred_thousand_are_found_while_the_index_lags(
    own_server, make_index, kind
):
    collection = own_server(index_lag_ms=HOUR_MS).c
    written = documents(100_000)
    expected = with_bad_ones(written)
    on_time, late = written[:99_000], written[99_000:]
    collection.insert_many(on_time)
    apply_plan(collection, make_index(KINDS[kind][0]), timeout_s=300)
    collection.insert_many(late)

    report = verify_index(collection, live_index(collection, "v"))

    behind = {one["_id"]: Reason.LAG for one in late}
    assert len(expected) == 1000
    assert missing_of(report) == {**behind, **expected}
