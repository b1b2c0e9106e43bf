import dataclasses

import pytest

from app.errors import IndexNotReady
from app.indexes import read_index_file
from app.live_indexes import (
    apply_index,
    create_collection,
    create_ordinary_indexes,
    definition_differences,
    live_entries,
    wait_until_queryable,
)


@pytest.fixture
def index(either_index):
    return read_index_file(either_index.index_file)


@pytest.fixture
def other(index):
    """The same index with another similarity."""
    if index.type == "search":
        fields = dict(index.definition["mappings"]["fields"])
        fields["embedding"] = {**fields["embedding"], "similarity": "euclidean"}
        definition = {"mappings": {**index.definition["mappings"], "fields": fields}}
    else:
        vector, *filters = index.definition["fields"]
        definition = {"fields": [{**vector, "similarity": "euclidean"}, *filters]}
    return dataclasses.replace(index, definition=definition, similarity="euclidean")


def test_index_is_created_once_and_then_unchanged(collection, index):
    assert create_collection(collection) is True
    assert apply_index(collection, index, update=False) == "created"
    wait_until_queryable(collection, index, timeout_s=30)

    assert create_collection(collection) is False
    assert apply_index(collection, index, update=False) == "unchanged"
    (entry,) = live_entries(collection)
    assert definition_differences(entry, index) == []


def test_other_definition_is_refused_without_update_and_replaced_with_it(collection, index, other):
    create_collection(collection)
    apply_index(collection, index, update=False)
    wait_until_queryable(collection, index, timeout_s=30)

    with pytest.raises(IndexNotReady, match="similarity is cosine, the file says euclidean"):
        apply_index(collection, other, update=False)
    assert apply_index(collection, other, update=True) == "updated"
    wait_until_queryable(collection, other, timeout_s=30)
    assert definition_differences(live_entries(collection)[0], other) == []


def test_waiting_for_a_missing_index_ends_with_one_sentence(collection, index):
    create_collection(collection)

    with pytest.raises(IndexNotReady, match="is missing after 0 s"):
        wait_until_queryable(collection, index, timeout_s=0)


def test_ordinary_indexes_are_created_once(collection, index):
    names = ["image.sha256_1", "product_id_1", "embedded_by_1", "updated_at_1"]

    assert create_ordinary_indexes(collection, index) == dict.fromkeys(names, True)
    assert create_ordinary_indexes(collection, index) == dict.fromkeys(names, False)
    assert set(collection.index_information()) == {"_id_", *names}


def test_missing_filter_field_is_a_difference(index):
    entry = {"name": index.name, "type": index.type, "latestDefinition": index.definition}
    wanted = dataclasses.replace(index, filter_types={**index.filter_types, "brand": "token"})

    assert definition_differences(entry, wanted) == [
        "filter field brand is missing, the file says token"
    ]
