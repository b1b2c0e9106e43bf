import numpy as np
import pytest
from bson import Binary

from app.config import PROJECT_ROOT
from app.filters import Comparison
from app.indexes import read_index_file
from app.pipelines import exact_pipeline, search_pipeline

KNN = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")
VECTOR = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")
QUERY = np.array([0.6, -0.8], dtype=np.float32)
HAT = Comparison("category", "$eq", "hat")


def test_search_index_asks_with_knn_beta_and_limits_after():
    search, limit, *_ = search_pipeline(KNN, QUERY, limit=10, condition=HAT)

    assert search == {
        "$search": {
            "index": "gallery_knn",
            "knnBeta": {
                "vector": [float(value) for value in QUERY],
                "path": "embedding",
                "k": 200,
                "filter": {"equals": {"path": "category", "value": "hat"}},
            },
        }
    }
    assert limit == {"$limit": 10}


def test_vector_search_index_asks_with_vector_search_and_bindata():
    search, *_ = search_pipeline(VECTOR, QUERY, limit=10, condition=HAT)

    stage = search["$vectorSearch"]
    assert isinstance(stage.pop("queryVector"), Binary)
    assert stage == {
        "index": "gallery_vector",
        "path": "embedding",
        "numCandidates": 200,
        "limit": 10,
        "filter": {"category": {"$eq": "hat"}},
    }


@pytest.mark.parametrize(("limit", "candidates"), [(1, 20), (500, 10_000), (501, 10_000)])
def test_candidates_are_twenty_times_the_limit_and_ten_thousand_at_most(limit, candidates):
    assert search_pipeline(KNN, QUERY, limit=limit)[0]["$search"]["knnBeta"]["k"] == candidates
    stage = search_pipeline(VECTOR, QUERY, limit=limit)[0]["$vectorSearch"]
    assert stage["numCandidates"] == candidates


@pytest.mark.parametrize("index", [KNN, VECTOR], ids=["knn", "vector"])
def test_exact_search_is_vector_search_over_either_index(index):
    stage = exact_pipeline(index, QUERY, limit=795)[0]["$vectorSearch"]

    assert stage["exact"] is True
    assert stage["limit"] == 795
    assert "numCandidates" not in stage


@pytest.mark.parametrize(
    ("index", "score"), [(KNN, "searchScore"), (VECTOR, "vectorSearchScore")], ids=["knn", "vector"]
)
def test_rows_carry_the_score_and_the_item_without_its_embedding(index, score):
    assert search_pipeline(index, QUERY, limit=1)[-2:] == [
        {"$unset": "embedding"},
        {"$project": {"_id": 0, "score": {"$meta": score}, "item": "$$ROOT"}},
    ]
