"""Reciprocal rank fusion in the database: by its stage, and spelled out for older servers."""

import numpy as np
import pytest
from pymongo.errors import OperationFailure

from app.config import PROJECT_ROOT
from app.documents import embedding_to_bson
from app.fusion import Ranking, Server, fused_stages, probe, ranks_of, server_without_stage
from app.indexes import read_index_file
from app.lexical_indexes import lexical_index
from app.lexical_pipelines import words_stages
from app.live_indexes import apply_index, create_collection, wait_until_queryable
from app.pipelines import engine_stages, score_name
from tests.local_atlas.search.asking import wait_until_ready

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
LEXICAL = lexical_index(INDEX, PROJECT_ROOT / "atlas/gallery_hybrid_text.json")
COLORS = ("red", "green", "blue")


def a_ranking(path):
    """Documents with their field as the score that they are ranked by."""
    found = {"range": {"path": path, "gte": 0, "score": {"function": {"path": path}}}}
    return Ranking([{"$search": {"index": "numbers", **found}}], "searchScore")


@pytest.fixture
def numbers(collection):
    """A collection whose documents are ranked by their numbers."""
    documents = [
        {"_id": "c", "x": 2},  # equals are written in another order than that of their ids
        {"_id": "b", "x": 2, "y": 1},
        {"_id": "a", "x": 3, "y": 1, "title": "A"},
        {"_id": 7, "x": 1, "y": 5},
        {"_id": "d", "y": 4},
    ]
    create_collection(collection)
    collection.insert_many(documents)
    definition = {"mappings": {"fields": {name: {"type": "number"} for name in "xyz"}}}
    collection.create_search_index({"name": "numbers", "definition": definition})
    wait_until_ready(collection, "numbers")
    return collection


def both_ways(collection, rankings, *, limit):
    """Return the rows that the stage gives, which must be those of the stages it stands for."""
    servers = (Server(collection.name, has_rank_fusion=has) for has in (True, False))
    by_stage, by_union = (
        list(collection.aggregate(fused_stages(rankings, one, limit=limit))) for one in servers
    )
    for row in (*by_stage, *by_union):
        row["ranks"] = ranks_of(row)
    assert by_stage == by_union
    return by_stage


def test_ranks_add_up_and_ties_go_by_id_both_ways(numbers):
    rows = both_ways(numbers, {"y": a_ranking("y"), "x": a_ranking("x")}, limit=10)

    # By x: a, b, c, 7; by y: 7, d, a, b.
    assert [(row["_id"], row["score"]) for row in rows] == [
        ("a", 1 / 61 + 1 / 63),
        (7, 1 / 64 + 1 / 61),
        ("b", 1 / 62 + 1 / 64),
        ("d", 1 / 62),
        ("c", 1 / 63),
    ]
    assert rows[0]["item"] == {"_id": "a", "x": 3, "y": 1, "title": "A"}
    assert rows[0]["ranks"] == {"x": 1, "y": 3}
    assert rows[3]["ranks"] == {"y": 2}


def test_equal_sums_come_in_the_order_of_ids(numbers):
    numbers.delete_many({"_id": {"$in": ["a", 7, "c", "d"]}})
    numbers.insert_one({"_id": "B", "x": 1, "y": 9})

    rows = both_ways(numbers, {"x": a_ranking("x"), "y": a_ranking("y")}, limit=10)

    assert [row["_id"] for row in rows] == ["B", "b"]
    assert rows[0]["score"] == rows[1]["score"]


def test_no_more_than_the_limit_and_nothing_of_nothing(numbers):
    rankings = {"x": a_ranking("x"), "y": a_ranking("y")}

    assert [row["_id"] for row in both_ways(numbers, rankings, limit=2)] == ["a", 7]
    assert both_ways(numbers, {"none": a_ranking("z")}, limit=2) == []


def test_a_limit_between_equal_sums_keeps_the_first_ids_both_ways(numbers):
    numbers.delete_many({})
    numbers.insert_many({"_id": i, "x": i % 5, "y": -(i % 5)} for i in (9, 4, 14, 0, 5, 10))

    rankings = {"x": a_ranking("x"), "y": a_ranking("y")}
    everything = both_ways(numbers, rankings, limit=9)

    for limit in range(1, 6):
        assert both_ways(numbers, rankings, limit=limit) == everything[:limit]


def test_one_ranking_keeps_its_order(numbers):
    rows = both_ways(numbers, {"y": a_ranking("y")}, limit=9)

    assert [(row["_id"], row["score"]) for row in rows] == [
        (i, 1 / rank) for rank, i in enumerate((7, "d", "a", "b"), start=61)
    ]


def test_vectors_and_words_of_a_hundred_items_both_ways(collection):
    random = np.random.default_rng(5)
    vectors = random.normal(size=(100, INDEX.dimensions)).astype(np.float32)
    collection.insert_many(
        {
            "_id": f"{i:03}",
            "title": " ".join(random.choice(["red", "dress", "shoe", "of", "silk"], 3)),
            "color": COLORS[i % 3],
            "embedding": embedding_to_bson(vector, INDEX),
        }
        for i, vector in enumerate(vectors)
    )
    for index in (INDEX, LEXICAL):
        apply_index(collection, index, update=False)
        wait_until_queryable(collection, index, timeout_s=30)
    nearest = engine_stages(INDEX, vectors[0], limit=40, num_candidates=None)
    rankings = {
        "vectors": Ranking(nearest, score_name(INDEX, is_exact=True)),
        "words": Ranking(words_stages(LEXICAL, [("red silk", 1.0)], limit=40), "searchScore"),
    }

    rows = both_ways(collection, rankings, limit=80)

    assert 40 < len(rows) < 80
    assert rows[0]["score"] > 1 / 61
    assert len({row["score"] for row in rows}) < len(rows)  # there were ties to break


def test_server_is_asked_for_all_that_a_fusion_by_stage_takes(collection):
    pipeline = probe(LEXICAL)
    with pytest.raises(OperationFailure) as unknown:
        collection.aggregate([{"$rankFussion": {}}])

    assert list(collection.aggregate(pipeline)) == []
    (words,) = pipeline[0]["$rankFusion"]["input"]["pipelines"].values()
    assert words[-1] == {"$sort": {"score": {"$meta": "searchScore"}, "_id": 1}}
    assert server_without_stage("c", unknown.value) == Server("c", has_rank_fusion=False)
    not_sorting = OperationFailure("Illegal $meta sort", 31138)
    assert server_without_stage("c", not_sorting) == Server("c", has_rank_fusion=False)
    with pytest.raises(OperationFailure, match="not authorized"):
        server_without_stage("c", OperationFailure("not authorized", 13))
