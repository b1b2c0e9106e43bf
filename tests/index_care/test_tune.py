"""What tune finds reaches its target on queries that it has not seen."""

import json
from dataclasses import replace

import numpy as np
import pytest

from app.errors import ConfigError, IndexNotReady
from app.filters import Comparison
from app.index_care import tune
from app.index_care.asking import Answers, Asker, read_vectors, stored_queries
from app.index_care.target import live_index
from app.index_care.tune import Goal, tune_index
from app.index_care.tuning import usual_candidates
from tests.index_care.definitions import knn_definition, vector_definition
from tests.index_care.vectors import float32

DIMENSIONS = 16
FILTERS = ("kind", "price")
DEFINITIONS = {
    "vectorSearch": vector_definition(*FILTERS, dimensions=DIMENSIONS),
    "search": knn_definition(DIMENSIONS, kind={"type": "token"}, price={"type": "number"}),
}


def documents(count, dimensions=DIMENSIONS):
    """Vectors that lie in clusters; a kind is some of the clusters."""
    random = np.random.default_rng(7)
    centres = random.standard_normal((60, dimensions))
    kinds = ["much"] * 20 + ["some"] * 3 + ["rest"] * 37
    for number in range(count):
        cluster = int(random.integers(60))
        vector = centres[cluster] + 0.7 * random.standard_normal(dimensions)
        yield {
            "_id": number,
            "v": float32(*vector.astype(np.float32).tolist()),
            "kind": kinds[cluster],
            "price": float(random.random()),
        }


def filter_of(setting):
    if setting.filter is None:
        return None
    ((path, operator),) = setting.filter.items()
    ((name, value),) = operator.items()
    return Comparison(path, name, value)


def recall_on_new_queries(collection, index, setting, count=60):
    asker, queries = Asker(collection, index, 10), stored_queries(collection, index, count)
    condition = filter_of(setting)
    exact = asker.ask(queries, None, condition)
    return asker.ask(queries, setting.num_candidates, condition).recall(exact)


@pytest.mark.parametrize("kind", list(DEFINITIONS))
def test_each_selectivity_gets_the_fewest_candidates_that_reach_the_target(
    collection, make_index, apply, kind
):
    collection.insert_many(documents(3000))
    apply(make_index(DEFINITIONS[kind]))
    index = live_index(collection, "v")

    report = tune_index(collection, index, Goal(queries=40))

    settings = report.tuning.settings
    assert report.is_good
    assert settings[0].filter is None
    assert settings[1].filter == {"kind": {"$eq": "much"}}
    assert settings[2].filter == {"kind": {"$eq": "some"}}
    assert settings[3].filter["price"].keys() == {"$lte"}
    shares = [one.share for one in settings]
    assert shares == pytest.approx([1.0, 1 / 3, 1 / 20, 1 / 200], rel=0.3)
    for setting in settings:
        assert setting.recall >= 0.95
        assert 10 <= setting.num_candidates <= 10_000
        assert recall_on_new_queries(collection, index, setting) >= 0.9


def test_numbers_serve_where_no_value_is_rare_enough(collection, make_index, apply):
    collection.insert_many([{**one, "kind": "all"} for one in documents(1000)])
    apply(make_index(DEFINITIONS["vectorSearch"]))

    report = tune_index(collection, live_index(collection, "v"), Goal(queries=4))

    filters = [one.filter for one in report.tuning.settings]
    assert [next(iter(one or {"": None})) for one in filters] == ["", "price", "price", "price"]


def test_given_vectors_are_asked_and_bad_ones_are_told(tmp_path, collection, make_index, apply):
    collection.insert_many(documents(300))
    apply(make_index(vector_definition(dimensions=DIMENSIONS)))
    index = live_index(collection, "v")
    file = tmp_path / "vectors.jsonl"
    rows = np.random.default_rng(3).standard_normal((8, DIMENSIONS)).tolist()
    file.write_text("\n".join(map(json.dumps, rows)))

    report = tune_index(collection, index, Goal(), read_vectors(file, index))

    assert report.queries == 8
    assert len(report.tuning.settings) == 1
    for bad in ("[1, 2]", "{}", '["a"]', "x", json.dumps([0] * DIMENSIONS), "[NaN]"):
        file.write_text(f"{json.dumps(rows[0])}\n{bad}")
        with pytest.raises(ConfigError, match=r"vectors\.jsonl:2"):
            read_vectors(file, index)


def test_collection_without_vectors_has_nothing_to_ask_with(collection, make_index, apply):
    collection.insert_one({"_id": 1, "v": "no vector"})
    apply(make_index(vector_definition()))

    with pytest.raises(IndexNotReady, match="there is nothing to ask with"):
        tune_index(collection, live_index(collection, "v"), Goal())


def test_an_item_is_no_answer_to_itself(collection, make_index, apply):
    collection.insert_many([{"_id": number, "v": [1, number]} for number in range(5)])
    apply(make_index(vector_definition()))
    index = live_index(collection, "v")
    queries = stored_queries(collection, index, 5)

    answers = Asker(collection, index, 2).ask(queries, 10, None)

    assert all(len(hits) == 2 for hits in answers.hits)
    assert all(query.own_id not in hits for query, hits in zip(queries, answers.hits, strict=True))


def test_advice_tells_where_an_exact_search_is_better(collection, make_index, apply):
    collection.insert_many(documents(50))
    apply(make_index(DEFINITIONS["vectorSearch"]))
    report = tune_index(collection, live_index(collection, "v"), Goal(queries=4))
    first, *others = report.tuning.settings

    def advice(*settings):
        return replace(report, tuning=replace(report.tuning, settings=settings)).advice

    worse = replace(first, exact_is="slower", is_exact_better=False)
    equal, better = replace(worse, exact_is="as fast"), replace(worse, is_exact_better=True)
    assert others
    assert "indexingMethod flat" in advice(equal, better)[0]
    assert advice(worse, replace(better, share=0.05, filter={"kind": "a"})) == [
        "With a filter that keeps 5 %, an exact search is better."
    ]
    assert advice(worse, equal) == []
    (sentence, _) = advice(worse, replace(better, reaches_target=False, num_candidates=10_000))
    assert sentence == (
        "With no filter, 0.95 was not reached with 10,000 candidates; only an exact search does."
    )


class Curve:
    """Answers as an index would of which the recall is known: a share of 100 hits a query."""

    limit = 10

    def __init__(self, needed):
        """`needed`: candidates at which a query has all hits, by its place."""
        self.needed = needed

    def ask(self, queries, num_candidates, condition):
        hits = [
            list(range(100 if num_candidates is None else min(100, 100 * num_candidates // need)))
            for need in (self.needed[query] for query in queries)
        ]
        return Answers(hits, [float(num_candidates or 1e6)] * len(hits))


@pytest.mark.parametrize(
    ("choosing", "checking", "expected"),
    [
        pytest.param(80, 80, 100, id="75 give 0.93"),
        pytest.param(10, 10, 10, id="as many as hits are enough"),
        pytest.param(50, 140, 150, id="queries that were not chosen by need more"),
        pytest.param(9_000, 9_000, 10_000, id="the last step"),
        pytest.param(20_000, 20_000, 10_000, id="never more than a server takes"),
    ],
)
def test_fewest_candidates_are_found_and_checked(choosing, checking, expected):
    curve = Curve([choosing, choosing, checking, checking])

    setting = tune._tuned(curve, [0, 1, 2, 3], 1.0, None, 0.95)

    assert setting.num_candidates == expected
    assert setting.reaches_target is (checking < 20_000)
    assert setting.is_exact_better is (checking == 20_000)
    assert setting.p95_ms == expected
    assert setting.usual_is == (
        "as fast" if expected == 200 else "slower" if expected < 200 else "faster"
    )
    assert setting.exact_is == "slower"


@pytest.mark.slow
def test_fewer_candidates_than_the_usual_are_enough_where_those_overshoot(
    collection, make_index, apply
):
    dimensions = 64
    collection.insert_many(documents(60_000, dimensions))
    apply(make_index(vector_definition(*FILTERS, dimensions=dimensions)))
    index = live_index(collection, "v")

    report = tune_index(collection, index, Goal(queries=80))

    overshot = [one for one in report.tuning.settings if one.usual_recall > 0.99]
    assert overshot
    assert all(one.num_candidates < usual_candidates(10) for one in overshot)
    assert all(one.usual_is != "faster" for one in overshot)
    assert overshot[0].usual_is == "slower"
    for one in report.tuning.settings:
        assert recall_on_new_queries(collection, index, one) >= 0.93
