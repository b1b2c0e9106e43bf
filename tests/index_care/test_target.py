"""Which live index is meant, and what is refused before anything is asked of it."""

import pytest

from app.errors import IndexNotReady
from app.index_care.apply import apply_plan
from app.index_care.builds import find_entry
from app.index_care.target import index_of, live_index
from app.live_indexes import live_entries
from tests.index_care.definitions import knn_definition, vector_definition
from tests.index_care.vectors import int8

TWO = {"fields": [*vector_definition()["fields"], *vector_definition("a", path="w")["fields"]]}


def entry(definition):
    return {"name": "v", "latestDefinition": definition, "queryable": True}


def test_index_of_either_type_is_read(collection, make_index, apply):
    fields = {
        "price": {"type": "number"},
        "d": {"type": "document", "fields": {"k": {"type": "token"}}},
    }
    apply(make_index(vector_definition("price"), "new"))
    apply(make_index(knn_definition(**fields), "old"))

    new, old = live_index(collection, "new"), live_index(collection, "old")

    assert (new.type, new.path, new.dimensions, new.similarity) == (
        "vectorSearch",
        "v",
        2,
        "cosine",
    )
    assert (old.type, old.path, old.dimensions, old.similarity) == ("search", "v", 2, "cosine")
    assert old.filter_types == {"price": "number", "d.k": "token"}


def test_vectors_are_of_the_type_that_most_have(collection, make_index, apply):
    collection.insert_many([{"v": int8(1, 2)} for _ in range(3)])
    collection.insert_many([{"v": [1.0, 2.0]}, {"v": "none"}])
    apply(make_index(vector_definition()))

    assert live_index(collection, "v").vector_type == "int8"


@pytest.mark.parametrize(
    ("definition", "path", "part"),
    [
        (TWO, None, r"has the vector fields v, w; --path must name one of them\."),
        (TWO, "x", r"has the vector fields v, w; none of them is 'x'\."),
        ({"mappings": {"dynamic": True}}, None, r"has no vector field"),
        ({**vector_definition(path="a.v"), "nestedRoot": "a"}, None, "has the nestedRoot 'a'"),
    ],
    ids=["several", "another", "none", "nested"],
)
def test_field_that_is_not_clear_is_told(definition, path, part):
    with pytest.raises(IndexNotReady, match=part):
        index_of(entry(definition), path, "float32")


def test_one_of_several_fields_is_taken_by_its_path():
    assert index_of(entry(TWO), "w", "float32").path == "w"


def test_index_that_answers_nothing_yet_is_told(own_server, make_index, held_builds):
    collection = own_server().create_collection("c")
    with pytest.raises(IndexNotReady):
        apply_plan(collection, make_index(vector_definition()), timeout_s=0)

    with pytest.raises(IndexNotReady, match="and no query is answered yet"):
        live_index(collection, "v")


def test_while_a_change_is_built_the_old_definition_is_meant(own_server, make_index, held_builds):
    collection = own_server().create_collection("c")
    held_builds.may_go_on.set()
    apply_plan(collection, make_index(vector_definition()), timeout_s=30)
    held_builds.may_go_on.clear()
    with pytest.raises(IndexNotReady):
        apply_plan(
            collection, make_index(vector_definition(dimensions=3)), timeout_s=0, may_break=True
        )

    assert live_index(collection, "v").dimensions == 2
    listed = find_entry(live_entries(collection), "v")
    assert listed is not None
    assert listed["latestDefinition"] == vector_definition(dimensions=3)
