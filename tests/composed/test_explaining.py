"""Explanations, through every driver and with both index files."""

import pytest

from app.composed import ComposedQuery, Input, StoredItem
from app.filters import Comparison

START = (Input(StoredItem("start"), 3.0), Input(StoredItem("side"), 1.0))
FAR = (Input(StoredItem("far"), 0.5),)
RED = Comparison("color", "$eq", "red")


@pytest.fixture
def placed(place, collection, embedder):
    red, blue = {"color": "red"}, {"color": "blue"}
    place(
        ("start", 0),
        ("side", 30),
        ("far", 180),
        ("near", 12, {**red, "product_id": "p"}),
        ("twin", 14, red),
        ("mate", 22, {**red, "product_id": "p"}),
        ("blue", 40, blue),
        ("last", 60, red),
        ("nested", 65, {"color": [["red"]]}),
        ("odd", 0, {"embedding": [True, *[0.0] * 511]}),
        ("zeros", 0, {"embedding": [0.0] * 512}),
        ("below", 75, red),
        ("behind", 170, red),
    )
    collection.insert_one({"_id": "bare", "embedded_by": embedder.fingerprint})
    other = collection.find_one({"_id": "near"})
    collection.insert_one({**other, "_id": "other", "embedded_by": "f" * 64})


def explained(ask, **options):
    query = ComposedQuery(START, FAR, explain=True, **options)
    return ask(lambda similar: similar.search(query))


@pytest.mark.usefixtures("placed")
def test_contributions_of_the_inputs_sum_up_to_the_cosine(ask):
    answer = explained(ask, limit=3)

    assert sum(answer.explanation.inputs) == pytest.approx(1, abs=1e-5)
    assert answer.explanation.inputs[0] > answer.explanation.inputs[1] > 0
    for hit, parts in zip(answer.hits, answer.explanation.hits, strict=True):
        assert len(parts) == 3
        assert (1 + sum(parts)) / 2 == pytest.approx(hit.score, abs=1e-5)


@pytest.mark.usefixtures("placed")
def test_pipeline_is_the_one_that_was_run(ask, collection):
    answer = explained(ask, limit=3, collapse=False)

    rows = list(collection.aggregate(answer.explanation.pipeline))

    assert [row["id"] for row in rows][:3] == [hit.item_id for hit in answer.hits]
    assert answer.explanation.questions == 1


@pytest.mark.usefixtures("placed")
def test_nothing_is_explained_unasked(ask):
    assert ask(lambda similar: similar.search(ComposedQuery(START))).explanation is None


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize(
    ("item_id", "options", "said"),
    [
        ("near", {}, "rank 1: it is hit 1 of this page"),
        ("last", {"limit": 2}, "this page holds ranks 1 to 2"),
        ("near", {"offset": 1}, "this page holds ranks 2 to 11"),
        ("twin", {}, "shows the same picture as item 'near' at rank 1"),
        ("nobody", {}, "No item has the id 'nobody'"),
        ("bare", {}, "'bare' has no embedding yet"),
        ("other", {}, "embedded by another model (ffffffffffff)"),
        ("start", {}, "'start' is an input"),
        ("last", {"exclude": ("last",)}, "'last' is named by exclude"),
        ("blue", {"condition": RED}, "The filter leaves item 'blue' out"),
        ("nested", {"condition": RED, "limit": 1, "num_candidates": 4}, "below the limit"),
        ("odd", {}, "The index has not taken item 'odd' in yet"),
        ("zeros", {}, "'zeros' has no direction"),
        ("below", {"min_raw_score": 0.9}, "below 0.9000 (min_raw_score)"),
        ("mate", {"group_by": "product_id"}, "Item 'near' of the same product_id ('p') is nearer"),
        ("behind", {"limit": 1, "num_candidates": 6}, "below the limit: the nearest 6 items end"),
    ],
)
def test_trace_says_where_an_item_is_or_why_it_is_nowhere(ask, item_id, options, said):
    assert said in explained(ask, trace=item_id, **options).explanation.trace
