"""What is done for a query, by mode and by what the model understands."""

import pytest

from app.composed.plan import BY_WORDS_ONLY, make_plan
from app.composed.query import ComposedQuery, Input, Sentence, StoredItem
from app.errors import BadRequest, TextNotSupported
from app.lexical_indexes import LexicalIndex

LEXICAL = LexicalIndex("words", {}, ("title",), {}, {})
RED, BLUE = Input(Sentence("red"), 2.0), Input(Sentence("blue"))
ITEM = Input(StoredItem("a"))
TEXTS = (("red", 2.0), ("blue", 1.0))


def test_texts_that_the_model_understands_are_embedded_alone_unless_asked_otherwise():
    query = ComposedQuery((RED, ITEM, BLUE))

    assert make_plan(query, LEXICAL, embeds_text=True).words is None
    hybrid = ComposedQuery((RED, ITEM, BLUE), mode="hybrid")
    plan = make_plan(hybrid, LEXICAL, embeds_text=True)
    assert (plan.words.texts, plan.embedded, plan.note) == (TEXTS, hybrid, None)


@pytest.mark.parametrize("mode", [None, "hybrid"])
def test_texts_that_it_does_not_understand_are_searched_by_their_words(mode):
    query = ComposedQuery((RED, ITEM, BLUE), (ITEM,), mode=mode)

    plan = make_plan(query, LEXICAL, embeds_text=False)

    assert (plan.words.lexical, plan.words.texts) == (LEXICAL, TEXTS)
    assert plan.embedded.positive == plan.embedded.negative == (ITEM,)
    assert plan.note == BY_WORDS_ONLY


@pytest.mark.parametrize(
    ("mode", "lexical", "positive"),
    [("vector", LEXICAL, RED), (None, None, RED), (None, LEXICAL, ITEM)],
    ids=["asked for vectors", "nothing finds words", "no text"],
)
def test_what_is_left_to_the_model_is_its_to_refuse(mode, lexical, positive):
    query = ComposedQuery((positive,), mode=mode)

    plan = make_plan(query, lexical, embeds_text=False)

    assert (plan.words, plan.embedded, plan.note) == (None, query, None)


REFUSED = [
    pytest.param({"positive": (ITEM,)}, LEXICAL, "needs a text among the positive", id="no text"),
    pytest.param({}, None, "needs an index that finds words: INDEX_FILE has no field", id="index"),
    pytest.param({"min_score": 0.5}, LEXICAL, "min_score (0.5) cannot go with mode", id="score"),
    pytest.param({"min_raw_score": 0.5}, LEXICAL, "min_raw_score (0.5) cannot go", id="raw"),
    pytest.param({"diversity": 0.5}, LEXICAL, "diversity (0.5) cannot go with", id="diversity"),
    pytest.param({"mode": None, "fuzzy": 1}, LEXICAL, "fuzzy (1) needs mode hybrid", id="fuzzy"),
]


@pytest.mark.parametrize(("changes", "lexical", "message"), REFUSED)
def test_contradictions_are_refused_naming_the_option(changes, lexical, message):
    query = ComposedQuery(**{"positive": (RED,), "mode": "hybrid", **changes})

    with pytest.raises(BadRequest) as refused:
        make_plan(query, lexical, embeds_text=True)

    assert message in refused.value.message


def test_what_words_cannot_say_is_refused():
    unlike_text = ComposedQuery((RED, ITEM), (BLUE,))
    unlike_item = ComposedQuery((RED,), (ITEM,))

    with pytest.raises(TextNotSupported, match="negative holds a text"):
        make_plan(unlike_text, LEXICAL, embeds_text=False)
    with pytest.raises(BadRequest, match="negative needs an item or a picture"):
        make_plan(unlike_item, LEXICAL, embeds_text=False)
