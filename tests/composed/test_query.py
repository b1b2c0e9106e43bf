import pytest

from app.composed import ComposedQuery, Input, StoredItem
from app.composed.candidates import projection
from app.composed.query import check_query
from app.config import PROJECT_ROOT
from app.errors import BadRequest
from app.indexes import read_index_file

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")
GUEST = read_index_file(PROJECT_ROOT / "atlas/products_vector.json")
ONE = (Input(StoredItem("a")),)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"positive": ()}, "positive must hold at least one"),
        ({"positive": ONE * 9, "negative": ONE * 8}, "17 inputs, expected at most 16"),
        ({"positive": (Input(StoredItem("a"), 0.0),)}, r"positive\[0\].weight \(0.0\)"),
        ({"negative": (Input(StoredItem("a"), -1.0),)}, r"negative\[0\].weight \(-1.0\)"),
        ({"positive": (Input(StoredItem("a"), float("nan")),)}, "weight"),
        ({"limit": 0}, r"limit \(0\)"),
        ({"limit": 101}, r"limit \(101\)"),
        ({"offset": -1}, r"offset \(-1\)"),
        ({"offset": 9_990}, r"offset \(9990\).*10001.*10000"),
        ({"offset": 9_980, "exclude": tuple("bcdefghijkl")}, "12 items left out"),
        ({"exclude": ("x",) * 1001}, "1001 ids, expected at most 1000"),
        ({"min_score": float("nan")}, "min_score"),
        ({"min_score": 0}, r"min_score \(0\) must be above 0 and below 1"),
        ({"min_score": 1.0}, r"min_score \(1.0\) must be above 0 and below 1"),
        ({"min_raw_score": float("inf")}, "min_raw_score"),
        ({"min_score": 0.5, "min_raw_score": 0.9}, "cannot go with min_raw_score"),
        ({"exact": True, "num_candidates": 100}, "num_candidates cannot go with exact"),
        ({"num_candidates": 10}, r"num_candidates \(10\) must be from 11"),
        ({"num_candidates": 10_001}, "10001"),
        ({"diversity": 1.1}, r"diversity \(1.1\) must be from 0 to 1"),
        ({"diversity": float("nan")}, "diversity"),
        ({"group_by": "brand"}, r"group_by \('brand'\) is not in the index, which has: _id, cat"),
        ({"offset": 991}, r"offset \(991\) and limit \(10\) reach past 1000"),
        ({"offset": 991, "collapse": False, "diversity": 0.5}, "reach past 1000"),
        ({"offset": 991, "collapse": False, "group_by": "color"}, "reach past 1000"),
        ({"trace": "a"}, r"trace \('a'\) is a part of explain"),
        ({"fields": ()}, "fields must name"),
        ({"fields": ("a..b",)}, r"'a\.\.b'"),
        ({"fields": ("$where",)}, r"'\$where'"),
        ({"fields": ("embedding",)}, "'embedding' holds the embedding"),
        ({"fields": ("embedding.0",)}, "'embedding.0'"),
        ({"fields": ("x",) * 101}, "101 fields"),
    ],
)
def test_query_that_cannot_be_answered_is_refused_naming_the_option(options, named):
    with pytest.raises(BadRequest, match=named):
        check_query(ComposedQuery(**{"positive": ONE, **options}), INDEX)


@pytest.mark.parametrize(
    "options",
    [
        {"positive": ONE * 8, "negative": ONE * 8},
        {"offset": 9_989, "collapse": False},
        {"offset": 990, "diversity": 1, "group_by": "color"},
        {"num_candidates": 11},
        {"fields": ("embedding_note", "embedded_by")},
    ],
)
def test_query_at_its_limits_is_taken(options):
    check_query(ComposedQuery(**{"positive": ONE, **options}), INDEX)


def test_sub_document_that_holds_the_embedding_is_no_field():
    with pytest.raises(BadRequest, match=r"'visual' holds the embedding 'visual\.embedding'"):
        check_query(ComposedQuery(ONE, fields=("visual",)), GUEST)
    check_query(ComposedQuery(ONE, fields=("visual.sha256",)), GUEST)


def test_items_that_are_inputs_are_left_out_and_named_once():
    query = ComposedQuery(ONE, (Input(StoredItem("b")),), exclude=("c", "a"))

    assert query.left_out == ("a", "b", "c")


def test_items_left_out_may_have_sub_documents_for_ids():
    query = ComposedQuery((Input(StoredItem({"shop": "de"})),), exclude=({"shop": "de"}, 1, True))

    assert query.left_out == ({"shop": "de"}, 1, True)


def test_projection_names_no_path_beside_one_that_holds_it():
    assert projection(("image.uri", "title", "image", "title"), INDEX) == {
        "_id": 1,
        "image": 1,
        "title": 1,
    }
    assert projection(None, INDEX) == {"embedding": 0}
