"""Words and vectors fused, through every driver, with one index and with two, both ways."""

import pytest

from app.composed import ComposedQuery, Input, Sentence, StoredItem
from app.composed.plan import BY_WORDS_ONLY
from app.errors import IndexNotReady, TextNotSupported
from app.filters import Comparison
from app.indexes import read_index_file
from app.lexical_indexes import lexical_index
from app.similar import SimilarItems
from tests.galleries import ODD_ID

RED_DRESS = (Input(Sentence("red dress")),)


def lacking(lexical):
    """Ask for a stage that no server has, so that it seems to be an older one."""
    return [{"$rankFusionOfTomorrow": {}}]


@pytest.fixture
def either_index(hybrid_index):
    """Take the files that find words for those that do not."""
    return hybrid_index


@pytest.fixture(params=["stage", "union"])
def way(request, monkeypatch):
    """With a server that has $rankFusion, and with one that has not."""
    if request.param == "union":
        monkeypatch.setattr("app.asking.probe", lacking)
        monkeypatch.setattr("app.similar_async.probe", lacking)
    return request.param


@pytest.fixture
def search(gallery, ask):
    """Return a function that asks the filled gallery in mode hybrid."""

    def search(positive=RED_DRESS, **options):
        query = ComposedQuery(positive, **{"mode": "hybrid", "collapse": False, **options})
        return ask(lambda similar: similar.search(query))

    return search


def found(answer):
    return [hit.item_id for hit in answer.hits]


def scores(answer):
    return {hit.item_id: hit.score for hit in answer.hits}


def test_score_is_the_sum_of_reciprocal_ranks(search, embedder, way):
    by_vectors = found(search(mode="vector"))
    embedder.supports_text = False
    by_words = found(search())
    embedder.supports_text = True

    answer = search()

    # Two of the six items have one of the words, the one with both first.
    assert by_words == [ODD_ID, "crimson"]
    assert len(by_vectors) == 6
    ranks = [{one: rank for rank, one in enumerate(ids, 61)} for ids in (by_vectors, by_words)]
    expected = {one: sum(1 / of[one] for of in ranks if one in of) for one in by_vectors}
    assert scores(answer) == expected
    assert found(answer) == sorted(expected, key=lambda one: (-expected[one], one))
    assert answer.note is None
    assert answer.shortfall == "6 of 10 hits: there are no more items."


def test_pipeline_is_that_of_the_server(search, way):
    explanation = search(explain=True).explanation

    assert ("$rankFusion" in explanation.pipeline[0]) == (way == "stage")


def test_both_ways_give_the_same(search, monkeypatch):
    options = {"positive": (*RED_DRESS, Input(StoredItem("blue"), 0.3)), "explain": True}
    by_stage = search(**options)
    monkeypatch.setattr("app.asking.probe", lacking)
    monkeypatch.setattr("app.similar_async.probe", lacking)
    by_union = search(**options)

    assert by_union.hits == by_stage.hits
    assert by_union.explanation.ranks == by_stage.explanation.ranks
    assert by_union.explanation.pipeline != by_stage.explanation.pipeline


def test_server_is_asked_once(gallery, collection, embedder, monkeypatch):
    index = read_index_file(gallery.index_file)
    lexical = lexical_index(index, gallery.lexical_index_file)
    similar = SimilarItems(collection, index, embedder, lexical, max_time_ms=5000)
    query = ComposedQuery(RED_DRESS, mode="hybrid", explain=True)
    first = similar.search(query).explanation.pipeline[0]
    monkeypatch.setattr("app.asking.probe", lacking)

    assert similar.search(query).explanation.pipeline[0].keys() == first.keys() == {"$rankFusion"}


def test_model_without_text_is_no_hindrance_and_the_answer_says_so(search, embedder, way):
    embedder.supports_text = False

    forced = search(mode=None)
    with_item = search((*RED_DRESS, Input(StoredItem("navy"))))

    assert (found(forced), forced.note) == ([ODD_ID, "crimson"], BY_WORDS_ONLY)
    assert forced.shortfall == "2 of 10 hits: there are no more items with one of the words."
    assert scores(forced) == {ODD_ID: 1 / 61, "crimson": 1 / 62}
    # The nearest to navy are blue and green, neither of which has one of the words.
    assert set(found(with_item)[:4]) == {ODD_ID, "crimson", "blue", "green"}
    assert with_item.note == BY_WORDS_ONLY
    with pytest.raises(TextNotSupported):
        search(mode="vector")


def test_plain_text_search_goes_by_words_where_the_model_understands_none(ask, gallery, embedder):
    embedder.supports_text = False
    condition = Comparison("color", "$eq", "crimson")

    answers = [
        ask(lambda similar, kept=kept: similar.to_text("dresses", limit=5, condition=kept))
        for kept in (None, condition)
    ]

    hits, filtered = (getattr(answer, "hits", answer) for answer in answers)
    assert {hit.item_id for hit in hits} == {ODD_ID, "crimson"}
    assert [hit.item_id for hit in filtered] == ["crimson"]
    assert "embedding" not in hits[0].document
    assert all(getattr(answer, "note", BY_WORDS_ONLY) == BY_WORDS_ONLY for answer in answers)


def test_filter_holds_for_words_and_vectors(search, way):
    answer = search(condition=Comparison("color", "$in", ["crimson", "navy"]))

    assert found(answer) == ["crimson", "navy"]


def test_hits_are_of_one_model(search, collection, embedder):
    other = {**collection.find_one({"_id": "crimson"}), "_id": "other", "embedded_by": "f" * 64}
    collection.insert_one(other)

    assert "other" not in found(search())
    embedder.supports_text = False
    assert found(search()) == [ODD_ID, "crimson"]


def test_items_that_are_inputs_or_excluded_are_no_hits(search, way):
    answer = search((*RED_DRESS, Input(StoredItem("blue"))), exclude=("crimson",))

    assert found(answer)[0] == ODD_ID
    assert {"blue", "crimson"}.isdisjoint(found(answer))


def test_groups_pages_and_fields(search, ask, way):
    grouped = search(group_by="product_id", limit=2, fields=("title",))
    rest = ask(lambda similar: similar.next_page(grouped.cursor))

    assert found(grouped)[0] == ODD_ID
    assert [hit.members for hit in (*grouped.hits, *rest.hits)] == [2, 2, 2]
    assert grouped.hits[0].document == {"_id": ODD_ID, "title": "A red one"}
    assert len({*found(grouped), *found(rest)}) == 3


def test_near_identical_pictures_are_one_hit(search, collection, way):
    twin = {**collection.find_one({"_id": ODD_ID}), "_id": "twin"}
    collection.insert_one(twin)

    answer = search(collapse=True)

    assert found(answer)[0] == ODD_ID
    assert "twin" in answer.hits[0].near_identical


def test_fuzzy_forgives_typing_errors(search, embedder):
    embedder.supports_text = False
    misspelt = (Input(Sentence("crimsom")),)

    assert found(search(misspelt)) == []
    assert found(search(misspelt, fuzzy=1)) == ["crimson"]
    assert found(search((Input(Sentence("xrimson")),), fuzzy=2)) == []


def test_weight_of_a_text_counts_among_the_words(search, embedder):
    embedder.supports_text = False

    def first(green, blue):
        inputs = (Input(Sentence("green"), green), Input(Sentence("blue"), blue))
        return found(search(inputs))[0]

    assert (first(5, 1), first(1, 5)) == ("green", "blue")
    assert (first(5e-50, 1e-50), first(1e-50, 5e-50)) == ("green", "blue")


def test_explanation_tells_ranks_and_why_not(search, embedder, collection, way):
    collection.insert_one({"_id": "bare"})

    answer = search(explain=True, limit=1, trace="navy")
    ranks = search(explain=True).explanation.ranks

    assert answer.explanation.ranks == [{"vectors": 1, "words": 1}]
    assert ranks[-1].keys() == {"vectors"}
    rank = found(search()).index("navy") + 1
    assert f"and rank {rank}; this page holds ranks 1 to 1." in answer.explanation.trace
    assert "has no embedding" in search(explain=True, trace="bare").explanation.trace
    embedder.supports_text = False
    lexical = search(explain=True, trace="navy").explanation
    assert (lexical.inputs, lexical.hits) == ([], [[], []])
    assert lexical.trace == ("Item 'navy' is not among the first 40 that words and vectors find.")


def test_suggestions_come_through_every_driver(gallery, ask):
    condition = Comparison("color", "$in", ["navy", "crimson"])

    def suggested(typed, **options):
        return ask(lambda similar: similar.suggestions(typed, limit=3, **options))

    assert suggested("gre") == ["A green one"]
    assert sorted(suggested("one", condition=condition)) == ["A crimson one", "A navy one"]
    assert suggested("x") == []


def test_missing_index_of_words_is_an_error_and_vectors_go_on(search, collection, gallery):
    name = "gallery_hybrid_text"
    if gallery.lexical_index_file is None:
        pytest.skip("one index holds words and vectors")
    collection.drop_search_index(name)

    with pytest.raises(IndexNotReady, match=f"{name} does not exist on .*gallery_vector"):
        search()
    assert found(search(mode="vector"))
