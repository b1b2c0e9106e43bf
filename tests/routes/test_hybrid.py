"""Words over a real HTTP server: mode hybrid, models that understand no text, suggestions."""

import dataclasses
import time

import pytest

from tests.fakes import FakeEmbedder
from tests.galleries import ODD_ID, fill_gallery

NOTE = "The model understands no text, so texts were searched by their words."
RED = {"positive": [{"text": "red"}], "mode": "hybrid"}


@pytest.fixture
def either_index(hybrid_index):
    """Take the files that find words for those that do not."""
    return hybrid_index


@pytest.fixture
def textless(gallery, serve):
    """A client of a service whose model understands no text."""
    client = serve(gallery, FakeEmbedder(supports_text=False))
    deadline_s = time.monotonic() + 10
    while client.get("/readyz").status_code != 200 and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return client


def ids(response):
    assert response.status_code == 200, response.text
    return [hit["id"] for hit in response.json()["hits"]]


def problem(response):
    body = response.json()
    return body["status"], body["detail"]


def test_hybrid_search_is_answered_with_ranks(client):
    response = client.post("/search", json={**RED, "limit": 2, "explain": True, "fuzzy": 1})

    body = response.json()
    assert ids(response)[0] == ODD_ID
    assert body["hits"][0]["score"] == pytest.approx(2 / 61)
    assert body["explain"]["ranks"][0] == {"vectors": 1, "words": 1}
    assert "note" not in body
    assert "ranks" not in client.post("/search", json={**RED, "mode": "vector"}).json()


def test_model_without_text_answers_by_words_and_says_so(textless):
    composed = textless.post("/search", json={"positive": [{"text": "a crimson dress"}]})
    plain = textless.post("/search/text", json={"text": "dresses", "filter": {"price": {"$lt": 5}}})

    assert ids(composed)[0] == "crimson"
    assert composed.json()["note"] == plain.json()["note"] == NOTE
    assert ids(plain) == [ODD_ID]
    assert problem(textless.post("/search", json={**RED, "mode": "vector"}))[0] == 422


REFUSED = [
    pytest.param({"mode": "lexical"}, "mode ('lexical') must be one of vector, hybrid.", id="mode"),
    pytest.param({"mode": 1}, "mode (1) must be a string", id="type"),
    pytest.param({"fuzzy": 3}, "fuzzy (3) must be from 0 to 2.", id="fuzzy"),
    pytest.param({"mode": "vector", "fuzzy": 1}, "fuzzy (1) needs mode hybrid", id="no words"),
    pytest.param({"min_score": 0.5}, "min_score (0.5) cannot go with mode hybrid", id="score"),
    pytest.param({"diversity": 1}, "diversity (1) cannot go with mode hybrid", id="diversity"),
    pytest.param(
        {"positive": [{"item_id": "blue"}, {"image": "no picture"}]},
        "mode hybrid needs a text among the positive inputs.",
        id="refused before a picture is read",
    ),
]


@pytest.mark.parametrize(("changes", "detail"), REFUSED)
def test_contradictions_are_refused(client, changes, detail):
    status, found = problem(client.post("/search", json={**RED, **changes}))

    assert (status, found[: len(detail)]) == (400, detail)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("cr", ["A crimson one"]),
        ("NAV one", ["A navy one"]),
        ("one blu", ["A blue one"]),
        ("r", []),
        ("nothing like it", []),
    ],
)
def test_suggestions_go_on_as_somebody_types(client, typed, expected):
    response = client.get("/search/suggestions", params={"text": typed})

    assert response.json() == {"suggestions": expected}


@pytest.mark.parametrize("typed", ["ete", "ÉT", "e\u0301t", "robe et"])
def test_suggestions_go_on_without_the_accents_that_nobody_types(client, collection, typed):
    collection.insert_one({"_id": "robe", "title": "Robe été"})

    response = client.get("/search/suggestions", params={"text": typed})

    assert response.json() == {"suggestions": ["Robe été"]}


def test_suggestions_are_the_values_that_have_most_of_what_is_typed(client, collection):
    titles = ["Sandal with heel", "Sandal in ecru", "Ecru"]
    collection.insert_one({"_id": "several", "title": titles})

    response = client.get("/search/suggestions", params={"text": "sanda ecr"})

    assert response.json() == {"suggestions": ["Sandal in ecru"]}


def test_suggestions_keep_limit_and_filters_and_come_once(client, collection):
    collection.insert_one({"_id": "again", "title": "A navy one", "color": "navy"})
    ask = {"text": "a on", "limit": 3}

    few = client.get("/search/suggestions", params=ask).json()["suggestions"]
    kept = client.get("/search/suggestions", params={**ask, "color": "navy"}).json()["suggestions"]

    assert len(few) == len(set(few)) == 3
    assert kept == ["A navy one"]


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ({}, "text must be a string of 1 to 1000 characters."),
        ({"text": "  "}, "text must be a string of 1 to 1000 characters."),
        ({"text": "re", "limit": "0"}, "limit (0) must be a whole number from 1 to 100."),
        ({"text": "re", "size": "9"}, "filter field 'size' is not in the index"),
    ],
)
def test_bad_questions_for_suggestions_are_refused(client, parameters, detail):
    status, found = problem(client.get("/search/suggestions", params=parameters))

    assert status == 400
    assert found.startswith(detail)


def test_missing_index_of_words_is_told_and_is_no_empty_answer(client, collection, gallery):
    if gallery.lexical_index_file is None:
        pytest.skip("one index holds words and vectors")
    collection.drop_search_index("gallery_hybrid_text")

    response = client.post("/search", json=RED)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert "gallery_hybrid_text does not exist on" in problem(response)[1]
    assert problem(client.get("/search/suggestions", params={"text": "cr"}))[0] == 503
    assert ids(client.post("/search", json={**RED, "mode": "vector"}))
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["words"]["ready"]) == (200, False)
    assert "gallery_hybrid_text does not exist on" in ready.json()["words"]["detail"]


def test_readiness_names_the_index_of_words(client, gallery):
    words = client.get("/readyz").json()["words"]

    beside = gallery.lexical_index_file is not None
    assert words == {"ready": True, "name": f"gallery_hybrid_{'text' if beside else 'knn'}"}


def test_without_an_index_of_words_there_are_none(settings, collection, embedder, serve):
    fill_gallery(collection, settings, embedder)
    client = serve(settings, embedder)

    assert problem(client.post("/search", json=RED)) == (
        400,
        "mode hybrid needs an index that finds words: INDEX_FILE has no field of type string, and "
        "LEXICAL_INDEX_FILE is not set.",
    )
    assert problem(client.get("/search/suggestions", params={"text": "cr"}))[0] == 400


def test_lexical_file_that_cannot_be_used_ends_the_start(settings, serve):
    bad = dataclasses.replace(settings, lexical_index_file=settings.index_file)

    with pytest.raises(Exception, match='has no field of type "string"'):
        serve(bad)
