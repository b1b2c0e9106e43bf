import pytest

from app.index_care.definitions import differences, filter_types, vector_fields
from tests.index_care.definitions import knn_definition, vector_definition

TOKEN, NUMBER = {"type": "token"}, {"type": "number"}


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        pytest.param(vector_definition("a", "b"), vector_definition("b", "a"), [], id="order"),
        pytest.param(
            vector_definition(quantization="none", indexingMethod="hnsw"),
            {**vector_definition(), "storedSource": False, "numPartitions": 1},
            [],
            id="defaults spelled out",
        ),
        pytest.param(
            knn_definition(a={"type": "string", "analyzer": "lucene.standard"}),
            knn_definition(a=[{"type": "string"}]),
            [],
            id="an option that the server adds",
        ),
        pytest.param(
            vector_definition("a"),
            vector_definition("a", "b"),
            ["filter field b: missing -> declared"],
            id="filter field added",
        ),
        pytest.param(
            vector_definition("a"),
            vector_definition(),
            ["filter field a: declared -> missing"],
            id="filter field removed",
        ),
        pytest.param(
            vector_definition(),
            vector_definition(dimensions=3, similarity="euclidean"),
            [
                "numDimensions of vector field v: 2 -> 3",
                "similarity of vector field v: cosine -> euclidean",
            ],
            id="dimensions and similarity",
        ),
        pytest.param(
            vector_definition(quantization="scalar"),
            vector_definition(),
            ["quantization of vector field v: scalar -> none"],
            id="quantization left out",
        ),
        pytest.param(
            vector_definition(),
            vector_definition(hnswOptions={"maxEdges": 32, "numEdgeCandidates": 100}),
            ["hnswOptions.maxEdges of vector field v: 16 -> 32"],
            id="graph options",
        ),
        pytest.param(
            vector_definition(),
            {**vector_definition(), "storedSource": {"include": ["a"]}},
            ['storedSource: false -> {"include": ["a"]}'],
            id="stored source",
        ),
        pytest.param(
            vector_definition(),
            vector_definition(path="w"),
            ["vector field v: declared -> missing", "vector field w: missing -> declared"],
            id="another path",
        ),
        pytest.param(
            knn_definition(a=TOKEN),
            knn_definition(a=[TOKEN, NUMBER], d={"type": "document", "fields": {"b": TOKEN}}),
            [
                "number field a: missing -> declared",
                "document field d: missing -> declared",
                "token field d.b: missing -> declared",
            ],
            id="mapped fields",
        ),
        pytest.param(
            {"mappings": {"dynamic": True}},
            {"mappings": {}},
            ["dynamic: true -> false"],
            id="dynamic",
        ),
    ],
)
def test_every_difference_is_found_and_nothing_else(live, wanted, expected):
    assert [str(one) for one in differences(live, wanted)] == expected


def test_vectors_and_filters_of_either_type_are_found():
    nested = {"type": "document", "fields": {"price": NUMBER, "size": [TOKEN, NUMBER]}}

    assert vector_fields(vector_definition()) == {"v": {"numDimensions": 2, "similarity": "cosine"}}
    assert vector_fields(knn_definition()) == {"v": {"dimensions": 2, "similarity": "cosine"}}
    assert filter_types(vector_definition("a")) == {"a": {"filter"}}
    assert filter_types(knn_definition(d=nested)) == {
        "d.price": {"number"},
        "d.size": {"token", "number"},
    }
