"""Golden cases: what is live, the file, and what the plan says."""

import pytest

from app.index_care.plan import plan_index
from app.index_care.refusals import IndexRefused
from app.local_atlas.errors import CommandError
from app.local_atlas.search import stages
from tests.index_care.definitions import knn_definition, vector_definition

TOKEN = {"type": "token"}


@pytest.fixture
def plan(collection, make_index, apply):
    """Make one definition live and plan another; return what is told."""

    def plan_it(live, wanted):
        if live is not None:
            apply(make_index(live))
        report = plan_index(collection, make_index(wanted))
        changes = [str(one) for one in report.plan.differences]
        return report.plan.action, changes, list(report.plan.breaks)

    return plan_it


def test_missing_index_is_created(plan):
    assert plan(None, vector_definition()) == ("create", [], [])


def test_equal_index_needs_nothing(plan):
    assert plan(vector_definition("a"), vector_definition("a")) == ("nothing", [], [])


def test_additive_filter_field_is_an_update_that_breaks_nothing(plan):
    assert plan(vector_definition("a"), vector_definition("a", "b")) == (
        "update",
        ["filter field b: missing -> declared"],
        [],
    )


def test_changed_dimensions_break_queries_and_lose_documents(plan):
    action, changes, (sentence,) = plan(vector_definition(), vector_definition(dimensions=3))

    assert action == "update"
    assert changes == ["numDimensions of vector field v: 2 -> 3"]
    assert sentence.startswith("Queries of 2 dimensions will fail, and every stored v of 2 ")


def test_removed_filter_breaks_the_queries_that_use_it(plan):
    _, _, breaks = plan(vector_definition("a"), vector_definition())

    assert breaks == ["Queries that use filter field a will fail."]


def test_filter_removed_from_a_search_index_finds_nothing_in_silence(plan):
    _, _, breaks = plan(knn_definition(a=TOKEN), knn_definition())

    assert breaks == ["Queries that use token field a will find nothing."]


def test_other_similarity_changes_scores(plan):
    _, _, breaks = plan(vector_definition(), vector_definition(similarity="euclidean"))

    assert breaks == ["Scores of v will be those of euclidean, and hits may change."]


def test_type_cannot_be_changed(collection, make_index, apply):
    apply(make_index(knn_definition()))

    report = plan_index(collection, make_index(vector_definition()))

    assert report.plan.action == "other type"
    (sentence,) = report.sentences
    assert sentence.startswith("The live index is of type search, and a type cannot be changed")


def test_plan_tells_what_is_rebuilt_and_what_answers_meanwhile(collection, make_index, apply):
    collection.insert_many([{"v": [1, number]} for number in range(3)])
    apply(make_index(vector_definition()))

    report = plan_index(collection, make_index(vector_definition("a")))

    assert report.as_text().splitlines() == [
        f"v on {collection.full_name}: update",
        "  filter field a: missing -> declared",
        "The whole index is rebuilt from 3 documents; "
        "the old definition answers until the new one is built.",
    ]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (59, "no such command: 'createSearchIndexes'"),
        (31082, "Using $listSearchIndexes requires additional configuration"),
        (115, "Search index commands are only supported with Atlas"),
    ],
    ids=["no command", "not enabled", "not Atlas"],
)
def test_server_without_search_is_told_so(own_server, make_index, monkeypatch, code, said):
    def refuse(*_):
        raise CommandError(code, "Refused", said)

    monkeypatch.setattr(stages, "checked_entries", refuse)
    collection = own_server().create_collection("c")

    with pytest.raises(
        IndexRefused, match=r"has no search engine \(.*\); expected an Atlas"
    ) as told:
        plan_index(collection, make_index(vector_definition()))

    assert said in told.value.message


def test_user_who_may_not_list_is_told_what_to_ask_for(own_server, make_index, monkeypatch):
    def refuse(*_):
        raise CommandError(13, "Unauthorized", "not authorized on care to execute command")

    monkeypatch.setattr(stages, "checked_entries", refuse)
    collection = own_server().create_collection("c")

    with pytest.raises(IndexRefused) as refused:
        plan_index(collection, make_index(vector_definition()))

    assert refused.value.message == (
        "The server does not let this user run listSearchIndexes on care.c (not authorized on "
        "care to execute command): ask the administrator for the action listSearchIndexes on it "
        "(it is in the role read)."
    )
