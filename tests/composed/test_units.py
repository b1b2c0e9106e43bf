"""`min_score` in calibrated units, through every driver and with both index files."""

import math

import pytest

from app.composed import ComposedQuery, Input, Sentence, StoredItem
from app.errors import BadRequest
from tests.calibrations import calibration

START = (Input(StoredItem("start")),)
ANGLES = (10, 20, 29, 36, 50, 80)


def half_at(degrees, *fingerprints):
    """A calibration whose probability is 0.5 at the cosine of an angle."""
    score = (1 + math.cos(math.radians(degrees))) / 2
    return calibration(*fingerprints, intercept=-1.8 * math.log(score / (1 - score)))


@pytest.fixture
def placed(place, embedder):
    place(("start", 0), *((f"i{angle}", angle) for angle in ANGLES))
    embedder.calibration = half_at(30, "other", embedder.fingerprint)
    return embedder


def search(ask, positive=START, **options):
    return ask(lambda similar: similar.search(ComposedQuery(positive, **options)))


def found(answer):
    return [hit.item_id for hit in answer.hits]


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize("exact", [False, True], ids=["approximate", "exact"])
def test_min_score_keeps_what_is_a_match_with_that_probability(ask, exact):
    likely = search(ask, min_score=0.5, exact=exact)
    likelier = search(ask, min_score=half_at(30).probability(math.cos(math.radians(15))))

    assert found(likely) == ["i10", "i20", "i29"]
    assert found(likelier) == ["i10"]
    assert likely.shortfall.startswith("3 of 10 hits: there are no more items that min_score lets")


@pytest.mark.usefixtures("placed")
def test_hits_of_every_page_have_their_score_and_what_it_is_worth(ask):
    first = search(ask, limit=2)
    second = ask(lambda similar: similar.next_page(first.cursor))

    hits = [*first.hits, *second.hits]
    assert len(hits) == len(ANGLES)
    for hit, angle in zip(hits, ANGLES, strict=True):
        cosine = math.cos(math.radians(angle))
        assert hit.score == pytest.approx((1 + cosine) / 2, abs=1e-5)
        assert hit.match_probability == pytest.approx(half_at(30).probability(cosine), abs=1e-3)


@pytest.mark.usefixtures("placed")
def test_min_raw_score_is_the_score_of_atlas(ask):
    bar = (1 + math.cos(math.radians(25))) / 2

    answer = search(ask, min_raw_score=bar)

    assert found(answer) == ["i10", "i20"]
    assert "that min_raw_score lets through" in answer.shortfall


@pytest.mark.usefixtures("placed")
def test_trace_names_the_bound_in_the_units_that_were_asked(ask):
    calibrated = search(ask, min_score=0.5, explain=True, trace="i50").explanation.trace
    raw = search(ask, min_raw_score=0.9, explain=True, trace="i50").explanation.trace

    assert calibrated == "Item 'i50' has score 0.8214, below 0.9330 (min_score 0.5)."
    assert raw == "Item 'i50' has score 0.8214, below 0.9000 (min_raw_score)."


def test_model_without_a_calibration_says_so_in_one_sentence(placed, ask):
    placed.calibration = None

    with pytest.raises(BadRequest, match=r"min_score \(0.5\) needs a calibrated model.*calibrate"):
        search(ask, min_score=0.5)
    answer = search(ask, min_raw_score=0.9)
    assert found(answer) == ["i10", "i20", "i29", "i36"]
    assert {hit.match_probability for hit in answer.hits} == {None}


def test_embeddings_of_another_model_are_in_no_units(placed, ask):
    placed.calibration = half_at(30, "other")

    with pytest.raises(BadRequest, match=r"inputs were embedded by another"):
        search(ask, min_score=0.5)
    answer = search(ask, limit=2)
    rest = ask(lambda similar: similar.next_page(answer.cursor))
    assert {hit.match_probability for hit in (*answer.hits, *rest.hits)} == {None}


@pytest.mark.usefixtures("placed")
def test_calibration_on_pictures_is_not_applied_to_texts(ask):
    with_text = (*START, Input(Sentence("red")))

    with pytest.raises(BadRequest, match=r"min_score \(0.5\) cannot go with a text"):
        search(ask, with_text, min_score=0.5)
    answer = search(ask, with_text, limit=2, collapse=False)
    rest = ask(lambda similar: similar.next_page(answer.cursor))
    assert {hit.match_probability for hit in (*answer.hits, *rest.hits)} == {None}
