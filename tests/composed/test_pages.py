"""Pages of one search, through every driver and with both index files."""

from dataclasses import replace

import pytest

from app.composed import ComposedQuery, Input, StoredItem
from app.composed.candidates import Candidate
from app.composed.cursor import Cursor, write_cursor
from app.errors import BadRequest, IndexNotReady

START = (Input(StoredItem("start")),)
ANGLES = (10, 18, 26, 34, 42, -50, 60, -70)


def found(answer):
    return [hit.item_id for hit in answer.hits]


@pytest.fixture
def placed(place):
    place(("start", 0), *((f"i{angle}", angle, {"product_id": f"p{angle}"}) for angle in ANGLES))


def pages(ask, query):
    """Every page of a search, to the end."""
    answers = [ask(lambda similar: similar.search(query))]
    while (cursor := answers[-1].cursor) is not None:
        answers.append(ask(lambda similar, cursor=cursor: similar.next_page(cursor, limit=2)))
    return answers


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize("options", [{}, {"diversity": 0.6}, {"group_by": "product_id"}])
def test_pages_together_are_the_search_and_no_item_comes_twice(ask, options):
    whole = ask(lambda similar: similar.search(ComposedQuery(START, num_candidates=40, **options)))

    answers = pages(ask, ComposedQuery(START, limit=2, num_candidates=40, **options))

    assert [len(answer.hits) for answer in answers] == [2, 2, 2, 2]
    hits = [hit for answer in answers for hit in answer.hits]
    assert [(hit.item_id, hit.score, hit.members) for hit in hits] == [
        (hit.item_id, hit.score, hit.members) for hit in whole.hits
    ]
    assert whole.cursor is None


@pytest.mark.usefixtures("placed")
def test_next_page_is_of_the_same_search_whatever_was_written_since(ask, collection):
    first = ask(lambda similar: similar.search(ComposedQuery(START, limit=2)))
    nearest = collection.find_one({"_id": "i10"})
    collection.insert_many([{**nearest, "_id": f"new{i}"} for i in range(5)])
    collection.delete_one({"_id": "i34"})

    second = ask(lambda similar: similar.next_page(first.cursor, limit=2, fields=["product_id"]))

    assert found(first) == ["i10", "i18"]
    assert found(second) == ["i26"]
    assert second.hits[0].document == {"_id": "i26", "product_id": "p26"}
    assert second.shortfall == "1 of 2 hits: the others of this page are gone since the search."


@pytest.mark.usefixtures("placed")
def test_last_page_says_why_it_is_short(ask):
    first = ask(lambda similar: similar.search(ComposedQuery(START, limit=1)))
    narrow = ask(lambda similar: similar.search(ComposedQuery(START, limit=1, num_candidates=5)))

    rest = ask(lambda similar: similar.next_page(first.cursor))
    near = ask(lambda similar: similar.next_page(narrow.cursor))

    assert (len(rest.hits), rest.cursor) == (7, None)
    assert rest.shortfall == "7 of 10 hits: there are no more."
    assert (found(near), near.cursor) == (["i18", "i26", "i34"], None)
    assert near.shortfall == ("3 of 10 hits: the search looked no further; num_candidates lets it.")


def test_there_is_a_cursor_wherever_something_comes_next(place, ask):
    """200 pictures that look the same are all that the first questions find."""
    place(("start", 0), *((f"same{i}", 10 + i / 1000) for i in range(200)), ("second", 30))

    first = ask(lambda similar: similar.search(ComposedQuery(START, limit=1)))

    assert found(ask(lambda similar: similar.next_page(first.cursor))) == ["second"]


@pytest.mark.usefixtures("placed")
def test_item_of_another_model_by_now_is_on_no_further_page(ask, collection):
    first = ask(lambda similar: similar.search(ComposedQuery(START, limit=2)))
    collection.update_one({"_id": "i26"}, {"$set": {"embedded_by": "f" * 64}})

    assert found(ask(lambda similar: similar.next_page(first.cursor, limit=2))) == ["i34"]


@pytest.mark.usefixtures("placed")
def test_cursor_of_a_model_that_is_gone_is_refused(ask, collection):
    first = ask(lambda similar: similar.search(ComposedQuery(START, limit=2)))
    collection.update_many({}, {"$set": {"embedded_by": "f" * 64}})

    with pytest.raises((BadRequest, IndexNotReady), match="model"):
        ask(lambda similar: similar.next_page(first.cursor))


@pytest.mark.usefixtures("placed")
def test_cursor_of_other_vectors_or_of_another_model_is_refused(ask):
    candidates = (Candidate("i10", 0.9),)
    made_by_another = Cursor("embedding", "f" * 64, False, False, True, candidates)
    of_others = replace(made_by_another, path="other")

    for cursor, named in ((made_by_another, "model ffffffffffff"), (of_others, "at other and")):
        text = write_cursor(cursor)
        with pytest.raises(BadRequest, match=named):
            ask(lambda similar, text=text: similar.next_page(text))


@pytest.mark.usefixtures("placed")
def test_limit_and_fields_of_a_page_are_checked(ask):
    first = ask(lambda similar: similar.search(ComposedQuery(START, limit=2)))

    with pytest.raises(BadRequest, match=r"limit \(0\)"):
        ask(lambda similar: similar.next_page(first.cursor, limit=0))
    with pytest.raises(BadRequest, match="'embedding'"):
        ask(lambda similar: similar.next_page(first.cursor, fields=["embedding"]))


def test_ids_may_be_sub_documents(place, ask):
    ids = [{"shop": "de", "sku": number} for number in range(5)]
    place(*zip(ids, (0, 10, 12, 30, 50), strict=True))
    query = ComposedQuery(
        (Input(StoredItem(ids[0])),), limit=1, exclude=(ids[3],), explain=True, trace=ids[2]
    )

    first = ask(lambda similar: similar.search(query))
    second = ask(lambda similar: similar.next_page(first.cursor))

    assert [found(first), found(second)] == [[ids[1]], [ids[4]]]
    assert first.hits[0].near_identical == (ids[2],)
    assert "shows the same picture" in first.explanation.trace
