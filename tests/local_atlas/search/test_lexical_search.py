"""$search with operators on texts and values: the scores of what they find, and their order."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from tests.local_atlas.search.asking import (
    AGGREGATE_PREFIX,
    Documents,
    ids,
    indexed,
    refusal,
    search,
    search_definition,
    vector_definition,
)

TEXTS = {
    1: "red shoe",
    2: "red red shoe of leather",
    3: "blue shoe",
    4: "green dress and green shoe and green hat and green bag",
    5: ["red boot", "blue boot"],
    6: "summer dress",
}
VALUES: dict[int, dict[str, Any]] = {
    1: {"n": 1, "m": 1, "k": "a", "b": True},
    2: {"n": 2, "m": 5, "k": "b"},
    3: {"n": 3, "k": ["a", "b"]},
    4: {"n": [4, 5]},
    6: {"o": ObjectId("0" * 24)},
}
FIELDS: dict[str, Any] = {
    "t": {"type": "string"},
    "u": {"type": "string"},
    "flat": {"type": "string", "norms": "omit"},
    "once": {"type": "string", "indexOptions": "docs"},
    "boolean": {"type": "string", "similarity": {"type": "boolean"}},
    "bm25": {"type": "string", "similarity": {"type": "bm25"}},
    "n": {"type": "number"},
    "m": {"type": "number"},
    "k": {"type": "token"},
    "b": {"type": "boolean"},
    "o": {"type": "objectId"},
}


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    copies = ("flat", "once", "bm25", "boolean")
    documents = [
        {"_id": i, "t": text, **dict.fromkeys(copies, text), **VALUES.get(i, {})}
        for i, text in TEXTS.items()
    ]
    documents[0]["u"] = "red"
    return indexed(module_db.c, documents, search_definition(**FIELDS))


def text(query: Any, path: Any = "t", **options: Any) -> dict[str, Any]:
    return {"text": {"path": path, "query": query, **options}}


def phrase(query: Any, **options: Any) -> dict[str, Any]:
    return {"phrase": {"path": "t", "query": query, **options}}


def equals(path: str, value: Any, **options: Any) -> dict[str, Any]:
    return {"equals": {"path": path, "value": value, **options}}


def words(i: int) -> list[str]:
    whole = TEXTS[i]
    return (whole if isinstance(whole, str) else " ".join(whole)).split()


def bm25(i: int, *terms: str, frequency: float | None = None) -> float:
    """Return the score of a document for terms, computed term by term in double precision."""
    average = sum(len(words(j)) for j in TEXTS) / len(TEXTS)
    score = 0.0
    for term in terms:
        holding = sum(term in words(j) for j in TEXTS)
        idf = math.log(1 + (len(TEXTS) - holding + 0.5) / (holding + 0.5))
        often = words(i).count(term) if frequency is None else frequency
        score += idf * often / (often + 1.2 * (0.25 + 0.75 * len(words(i)) / average))
    return score


def approximately(scores: dict[int, float]) -> Any:
    return pytest.approx(scores, rel=1e-6)


def assert_scores(
    hits: Sequence[tuple[Any, float]], expected: dict[int, float], *, in_order: bool = True
) -> None:
    assert dict(hits) == approximately(expected)
    if in_order:
        assert ids(list(hits)) == sorted(expected, key=lambda i: (-round(expected[i], 6), i))


def test_term_scores_by_bm25(collection: Documents) -> None:
    hits = search(collection, text("shoe"))

    assert_scores(hits, {i: bm25(i, "shoe") for i in (1, 2, 3, 4)})


def test_terms_of_a_query_and_queries_add_up(collection: Documents) -> None:
    expected = {i: bm25(i, "red", "shoe") for i in (1, 2, 3, 4, 5)}

    assert_scores(search(collection, text("red shoe")), expected)
    assert_scores(search(collection, text(["shoe", "red"])), expected)


def test_term_that_is_asked_for_twice_counts_twice(collection: Documents) -> None:
    assert_scores(
        search(collection, text("dress dress")), {i: 2 * bm25(i, "dress") for i in (4, 6)}
    )


def test_all_terms_score_as_any_do_where_all_are(collection: Documents) -> None:
    hits = search(collection, text("red shoe", matchCriteria="all"))

    assert_scores(hits, {i: bm25(i, "red", "shoe") for i in (1, 2)})


def test_a_query_that_is_met_in_part_adds_nothing(collection: Documents) -> None:
    hits = search(collection, text(["red shoe", "blue shoe"], matchCriteria="all"))
    alone = [
        search(collection, text(one, matchCriteria="all")) for one in ("red shoe", "blue shoe")
    ]

    expected: dict[int, float] = {}
    for i, score in (hit for found in alone for hit in found):
        expected[i] = expected.get(i, 0) + score
    assert dict(hits) == approximately(expected)


def test_paths_add_up(collection: Documents) -> None:
    hits = dict(search(collection, text("red", ["t", "u"])))

    # One document has `u`, so its only term is no rarity: idf = ln(1 + 0.5 / 1.5).
    of_other_path = math.log(4 / 3) / (1 + 1.2)
    assert hits[1] == pytest.approx(bm25(1, "red") + of_other_path)
    assert hits[5] == pytest.approx(bm25(5, "red"))


def test_strings_of_an_array_are_one_text(collection: Documents) -> None:
    assert_scores(search(collection, text("boot")), {5: bm25(5, "boot")})


def test_fuzzy_terms_count_the_less_the_further_they_are(collection: Documents) -> None:
    hits = dict(search(collection, text("boat", fuzzy={"maxEdits": 1})))
    assert hits == approximately({5: bm25(5, "boot") * (1 - 1 / 4)})

    exact, near = "dress", "drass"
    fuzzy = {"fuzzy": {"maxEdits": 1}}
    assert dict(search(collection, text(exact, **fuzzy)))[6] == pytest.approx(bm25(6, "dress"))
    assert dict(search(collection, text(near, **fuzzy)))[6] == pytest.approx(0.8 * bm25(6, "dress"))


def test_fuzzy_terms_are_as_rare_as_the_most_frequent_of_them(db: Database[dict[str, Any]]) -> None:
    documents = [{"_id": 1, "t": "boat"}, *({"_id": i, "t": "boot"} for i in range(2, 6))]
    collection = indexed(db.c, documents, search_definition(t={"type": "string"}))

    scores = dict(search(collection, text("boat", fuzzy={})))

    # A rare typing error must not outdo the word itself.
    assert scores[2] == pytest.approx(scores[1] * 3 / 4)


def test_phrase_scores_as_its_terms_as_often_as_it_is_there(collection: Documents) -> None:
    assert_scores(
        search(collection, phrase("red shoe")),
        {1: bm25(1, "red", "shoe", frequency=1), 2: bm25(2, "red", "shoe", frequency=1)},
    )
    assert_scores(
        search(collection, phrase("and green")), {4: bm25(4, "and", "green", frequency=3)}
    )


def test_phrase_of_one_term_is_the_term(collection: Documents) -> None:
    assert search(collection, phrase("red")) == search(collection, text("red"))


def test_sloppy_phrase_counts_the_less_the_further_its_terms_are_off(collection: Documents) -> None:
    scores = dict(search(collection, phrase("red leather", slop=5)))

    assert scores == approximately({2: bm25(2, "red", "leather", frequency=1 / 3)})
    assert dict(search(collection, phrase("red shoe", slop=5)))[1] == pytest.approx(
        bm25(1, "red", "shoe", frequency=1)
    )


def test_without_norms_length_does_not_matter(collection: Documents) -> None:
    scores = dict(search(collection, text("shoe", "flat")))

    assert len(set(scores.values())) == 1
    assert scores[4] > dict(search(collection, text("shoe")))[4]


def test_without_frequencies_a_term_counts_once(collection: Documents) -> None:
    twice = dict(search(collection, text("red", "once")))[2]

    assert twice == pytest.approx(bm25(2, "red", frequency=1))


def test_similarity_of_another_kind_is_refused_by_name(collection: Documents) -> None:
    assert search(collection, text("red", "bm25")) == search(collection, text("red"))
    message = 'similarity "boolean" of field boolean (not emulated by LocalAtlas)'
    assert refusal(collection, {"$search": text("x", "boolean")}) == (8, AGGREGATE_PREFIX + message)


CONSTANT = [
    pytest.param(equals("n", 1), {1: 1}, id="equals"),
    pytest.param(equals("b", True), {1: 1}, id="equals a boolean"),
    pytest.param(equals("k", "a"), {1: 1, 3: 1}, id="equals a string"),
    pytest.param({"in": {"path": "k", "value": ["a", "b"]}}, {1: 1, 2: 1, 3: 1}, id="in"),
    pytest.param({"in": {"path": ["n", "m"], "value": [1]}}, {1: 1}, id="in on two paths"),
    pytest.param({"range": {"path": "n", "gte": 2, "lt": 5}}, {2: 1, 3: 1, 4: 1}, id="range"),
    pytest.param({"range": {"path": ["n", "m"], "lte": 2}}, {1: 2, 2: 1}, id="range on two paths"),
    pytest.param({"exists": {"path": "m"}}, {1: 1, 2: 1}, id="exists"),
    pytest.param({"exists": {"path": "o"}}, {6: 1}, id="exists of an object id"),
    pytest.param(equals("nowhere", 1), {}, id="a path that is not mapped"),
    pytest.param(text("red", "nowhere"), {}, id="a text that is not mapped"),
]


@pytest.mark.parametrize(("operator", "expected"), CONSTANT)
def test_operators_on_values_score_one(
    collection: Documents, operator: dict[str, Any], expected: dict[int, float]
) -> None:
    assert_scores(search(collection, operator), expected)


RED_SHOE = {"must": text("shoe"), "should": [text("red"), equals("n", 1)]}
COMPOUND = [
    pytest.param(
        RED_SHOE,
        {
            1: bm25(1, "shoe", "red") + 1,
            2: bm25(2, "shoe", "red"),
            3: bm25(3, "shoe"),
            4: bm25(4, "shoe"),
        },
        id="must and should add up",
    ),
    pytest.param(
        {**RED_SHOE, "filter": equals("k", "b"), "mustNot": text("blue")},
        {2: bm25(2, "shoe", "red")},
        id="filter and mustNot count nothing",
    ),
    pytest.param({"filter": text("dress")}, {4: 0, 6: 0}, id="filter alone"),
    pytest.param({"mustNot": text("shoe")}, {5: 0, 6: 0}, id="mustNot alone"),
    pytest.param(
        {"should": [text("red"), text("dress")]},
        {**{i: bm25(i, "red") for i in (1, 2, 5)}, **{i: bm25(i, "dress") for i in (4, 6)}},
        id="should alone",
    ),
    pytest.param(
        {**RED_SHOE, "minimumShouldMatch": 2},
        {1: bm25(1, "shoe", "red") + 1},
        id="minimumShouldMatch",
    ),
    pytest.param(
        {"should": [text("red"), text("shoe"), equals("n", 1)], "minimumShouldMatch": 2},
        {1: bm25(1, "red", "shoe") + 1, 2: bm25(2, "red", "shoe")},
        id="minimumShouldMatch of should alone",
    ),
    pytest.param(
        {"must": {"compound": {"must": text("red"), "score": {"boost": {"value": 3}}}}},
        {i: 3 * bm25(i, "red") for i in (1, 2, 5)},
        id="compound in compound, boosted",
    ),
    pytest.param(
        {"should": [equals("n", 1, score={"boost": {"value": 4}}), equals("k", "a")],
         "score": {"dismax": {"tieBreakerScore": 0.5}}},
        {1: 4.5, 3: 1},
        id="dismax",
    ),
    pytest.param(
        {"should": [equals("n", 1), equals("k", "a")], "score": {"dismax": {}}},
        {1: 2, 3: 1},
        id="dismax breaks ties in full by default",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("compound", "expected"), COMPOUND)
def test_compound(
    collection: Documents, compound: dict[str, Any], expected: dict[int, float]
) -> None:
    assert_scores(search(collection, {"compound": compound}), expected)


MODIFIED = [
    pytest.param({"boost": {"value": 2}}, lambda i: 2 * bm25(i, "shoe"), id="boost"),
    pytest.param({"constant": {"value": 7}}, lambda i: 7, id="constant"),
    pytest.param(
        {"boost": {"path": "n", "undefined": 10}},
        lambda i: bm25(i, "shoe") * {1: 1, 2: 2, 3: 3, 4: 10}[i],
        id="boost by a path; several numbers are undefined",
    ),
    pytest.param(
        {"function": {"add": [{"score": "relevance"}, {"path": {"value": "m", "undefined": 3}}]}},
        lambda i: bm25(i, "shoe") + {1: 1, 2: 5}.get(i, 3),
        id="function",
    ),
]


@pytest.mark.parametrize(("score", "expected"), MODIFIED)
def test_score_changes_what_is_scored_and_the_order(
    collection: Documents, score: dict[str, Any], expected: Any
) -> None:
    hits = search(collection, text("shoe", score=score))

    assert_scores(hits, {i: expected(i) for i in (1, 2, 3, 4)})


def test_equal_scores_come_in_the_order_of_indexing(db: Database[dict[str, Any]]) -> None:
    documents = [{"_id": i, "t": "red"} for i in (3, 1, 2)]
    collection = indexed(db.c, documents, search_definition(t={"type": "string"}))

    assert ids(search(collection, text("red"))) == [3, 1, 2]


def test_what_is_gone_is_not_found_and_has_no_say_in_scores(db: Database[dict[str, Any]]) -> None:
    documents = [{"_id": i, "t": "red"} for i in range(10)]
    collection = indexed(db.c, documents, search_definition(t={"type": "string"}))
    search(collection, text("red"))

    collection.delete_many({"_id": {"$gte": 2}})
    collection.update_one({"_id": 1}, {"$set": {"t": "blue"}})

    assert search(collection, text("red")) == [(0, pytest.approx(math.log(2) / 2.2))]
    assert ids(search(collection, {"compound": {"mustNot": text("red")}})) == [1]


def test_all_that_is_found_comes_in_batches(db: Database[dict[str, Any]]) -> None:
    documents = [{"_id": i, "t": "red " * (1 + i % 3)} for i in range(300)]
    collection = indexed(db.c, documents, search_definition(t={"type": "string"}))

    hits = list(collection.aggregate([{"$search": text("red")}], batchSize=7))

    assert len(hits) == 300
    assert [len(hit["t"]) for hit in hits] == sorted((len(hit["t"]) for hit in hits), reverse=True)


def test_stored_source_and_options_without_effect_here(db: Database[dict[str, Any]]) -> None:
    definition = {**search_definition(t={"type": "string"}), "storedSource": {"include": ["t"]}}
    collection = indexed(db.c, [{"_id": 1, "t": "red", "x": 1}], definition)
    options = {"returnStoredSource": True, "concurrent": True, "count": {"type": "total"}}

    assert list(collection.aggregate([{"$search": {**text("red"), **options}}])) == [
        {"_id": 1, "t": "red"}
    ]


REFUSED = [
    pytest.param(
        {**text("x"), **equals("n", 1)}, "at most one of [autocomplete, compound, ", id="two"
    ),
    pytest.param({**text("x"), "sort": {"n": 1}}, '"sort" is an option of the', id="sort"),
    pytest.param({**text("x"), "highlight": {"path": "t"}}, '"highlight" is an', id="highlight"),
    pytest.param({**text("x"), "x": 1}, 'unrecognized field "x"', id="unknown option"),
    pytest.param({"equals": {"path": "n"}}, '"equals.value" is required', id="no value"),
    pytest.param({"span": {}}, '"span" is an operator of the search engine (not', id="span"),
]


@pytest.mark.parametrize(("spec", "message"), REFUSED)
def test_refused(collection: Documents, spec: dict[str, Any], message: str) -> None:
    code, refused = refusal(collection, {"$search": spec})

    assert code == 8
    assert refused.startswith(AGGREGATE_PREFIX + message)


def test_vector_search_index_is_no_place_for_it(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [{"_id": 1}], vector_definition())

    assert refusal(collection, {"$search": text("x")})[1].endswith(
        "Cannot execute $search over vectorSearch index 'default'"
    )


def test_unknown_index_and_collection_find_nothing(
    collection: Documents, db: Database[dict[str, Any]]
) -> None:
    assert search(collection, text("red"), index="other") == []
    assert search(db.nowhere, text("red")) == []
