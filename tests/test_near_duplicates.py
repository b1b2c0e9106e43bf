"""Pairs that look nearly the same, found through a live index of a real LocalAtlas."""

import numpy as np
import pytest

from app import near_duplicates
from app.config import PROJECT_ROOT
from app.documents import embedding_to_bson
from app.errors import IndexNotReady
from app.indexes import read_index_file
from app.live_indexes import apply_index, create_collection, wait_until_queryable
from app.near_duplicates import near_pairs

OURS = "f" * 64


def turned(row, cosine, random):
    """Return a unit vector at this cosine to a unit vector."""
    other = random.standard_normal(row.size)
    other -= (other @ row) * row
    other /= np.linalg.norm(other)
    return (cosine * row + np.sqrt(1 - cosine**2) * other).astype(np.float32)


def fill(collection, index, rows, *, embedded_by=OURS):
    collection.insert_many(
        {
            "_id": item_id,
            "embedding": embedding_to_bson(np.asarray(row, dtype=np.float32), index),
            "embedded_by": embedded_by,
        }
        for item_id, row in rows.items()
    )


def make_searchable(collection, index):
    create_collection(collection)
    apply_index(collection, index, update=False)
    wait_until_queryable(collection, index, timeout_s=30)


def found(collection, index, **options):
    return {
        tuple(sorted(pair.ids, key=str)): pair.cosine
        for pair in near_pairs(collection, index, OURS, **options)
    }


@pytest.fixture(params=["gallery_knn", "gallery_vector", "gallery_vector_int8"])
def index(request):
    return read_index_file(PROJECT_ROOT / f"atlas/{request.param}.json")


@pytest.fixture
def random():
    return np.random.default_rng(5)


def unit_rows(random, count):
    rows = random.standard_normal((count, 512))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_pairs_above_the_limit_are_found_once_with_their_cosine(
    collection, index, random, monkeypatch
):
    monkeypatch.setattr(near_duplicates, "BATCH_SIZE", 7)
    rows = dict(enumerate(unit_rows(random, 40)))
    rows |= {
        "same": rows[0],
        "near": turned(rows[1], 0.997, random),
        "far": turned(rows[2], 0.993, random),
    }
    make_searchable(collection, index)
    fill(collection, index, rows)
    fill(collection, index, {"of another model": rows[3]}, embedded_by="other")

    pairs = list(near_pairs(collection, index, OURS))

    assert {frozenset(pair.ids) for pair in pairs} == {
        frozenset((0, "same")),
        frozenset((1, "near")),
    }
    assert len(pairs) == 2
    cosines = {str(sorted(pair.ids, key=str)): pair.cosine for pair in pairs}
    assert cosines["[0, 'same']"] == pytest.approx(1, abs=1e-6)
    tolerance = 4e-4 if index.vector_type == "int8" else 1e-6
    assert cosines["[1, 'near']"] == pytest.approx(0.997, abs=tolerance)


def test_very_many_that_are_alike_are_connected_and_no_square_number_of_pairs(collection, random):
    index = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
    row = unit_rows(random, 1)[0]
    make_searchable(collection, index)
    fill(collection, index, dict.fromkeys(range(100), row))

    pairs = found(collection, index)

    assert {one for pair in pairs for one in pair} == set(range(100))
    assert len(pairs) <= 100 * near_duplicates.NEIGHBOURS


def test_what_is_no_embedding_is_passed_over(collection, random):
    index = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
    rows = unit_rows(random, 2)
    make_searchable(collection, index)
    fill(collection, index, {"a": rows[0], "b": rows[0], "c": rows[1]})
    for broken in ("text", [1.0], [0.0] * 512, None):
        collection.insert_one({"embedding": broken, "embedded_by": OURS})

    assert list(found(collection, index)) == [("a", "b")]


def test_it_stops_between_two_batches(collection, random, monkeypatch):
    monkeypatch.setattr(near_duplicates, "BATCH_SIZE", 2)
    index = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
    make_searchable(collection, index)
    rows = unit_rows(random, 8)
    fill(collection, index, {i: rows[i // 2] for i in range(16)})
    asked = []

    def should_stop():
        asked.append(1)
        return len(asked) > 2

    assert 1 <= len(found(collection, index, should_stop=should_stop)) < 8
    assert len(found(collection, index)) == 8


def test_without_a_live_index_it_says_so(collection, random):
    index = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
    fill(collection, index, {"a": unit_rows(random, 1)[0]})

    with pytest.raises(IndexNotReady, match=f"Search index {index.name} does not exist"):
        list(near_pairs(collection, index, OURS))


def test_a_model_without_embeddings_is_named(collection, random):
    index = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
    make_searchable(collection, index)
    fill(collection, index, {"a": unit_rows(random, 1)[0]})

    with pytest.raises(IndexNotReady, match="none by this service's model"):
        list(near_pairs(collection, index, "e" * 64))
