import json

import pytest

from app.config import PROJECT_ROOT
from app.errors import ConfigError, IndexNotReady
from app.indexes import SearchIndex, read_index_file
from app.lexical_indexes import LexicalIndex, lexical_index, read_any_index_file
from app.live_indexes import (
    apply_index,
    create_collection,
    definition_differences,
    entry_problem,
    live_entries,
    wait_until_queryable,
)

ATLAS = PROJECT_ROOT / "atlas"
TEXT_FILE = ATLAS / "gallery_hybrid_text.json"
WORDS = ("title", "description", "brand", "category", "color")
VECTOR = read_index_file(ATLAS / "gallery_vector.json")


@pytest.fixture
def text_file(tmp_path):
    """Return a writer of changed copies of the lexical file that ships."""

    def write(change):
        content = json.loads(TEXT_FILE.read_text())
        change(content)
        path = tmp_path / "index.json"
        path.write_text(json.dumps(content))
        return path

    return write


def fields_of(content):
    return content["definition"]["mappings"]["fields"]


def test_words_are_in_the_index_of_the_vector_or_in_a_second_one():
    hybrid = read_index_file(ATLAS / "gallery_hybrid_knn.json")
    own = lexical_index(hybrid, None)
    second = lexical_index(VECTOR, TEXT_FILE)

    assert (own.name, second.name) == ("gallery_hybrid_knn", "gallery_hybrid_text")
    assert own.text_paths == second.text_paths == WORDS
    assert own.completions == second.completions == {"title": 2}
    assert own.filter_types == hybrid.filter_types == VECTOR.filter_types


def test_index_without_words_finds_none():
    assert lexical_index(VECTOR, None) is None
    assert lexical_index(read_index_file(ATLAS / "gallery_knn.json"), None) is None


def test_second_index_goes_before_the_words_of_the_first():
    hybrid = read_index_file(ATLAS / "gallery_hybrid_knn.json")

    assert lexical_index(hybrid, TEXT_FILE).name == "gallery_hybrid_text"


def test_any_file_is_read_as_what_it_is():
    assert isinstance(read_any_index_file(TEXT_FILE), LexicalIndex)
    assert isinstance(read_any_index_file(ATLAS / "gallery_hybrid_knn.json"), SearchIndex)
    assert read_any_index_file(ATLAS / "gallery_vector.json") == VECTOR


def test_words_of_nested_documents_are_dotted_paths(text_file):
    nested = {"type": "document", "fields": {"de": {"type": "string"}}}
    path = text_file(lambda content: fields_of(content).update(name=nested))

    assert lexical_index(VECTOR, path).text_paths == (*WORDS, "name.de")


REFUSED = [
    pytest.param(
        lambda content: content.update(type="vectorSearch"),
        '"type" (\'vectorSearch\') must be "search", to find words',
        id="type",
    ),
    pytest.param(
        lambda content: content.update(name="gallery_vector"),
        "\"name\" ('gallery_vector') is that of INDEX_FILE",
        id="name",
    ),
    pytest.param(
        lambda content: content["definition"].update(mappings={"fields": {}}),
        '"definition" has no field of type "string", expected at least one',
        id="no words",
    ),
    pytest.param(
        lambda content: fields_of(content).pop("price"),
        '"price" must be a field of type "number", which it is in INDEX_FILE',
        id="filter missing",
    ),
    pytest.param(
        lambda content: fields_of(content).update(color={"type": "token", "normalizer": "none"}),
        None,
        id="a field fewer is fine",
    ),
    pytest.param(
        lambda content: fields_of(content).update(
            color={"type": "token", "normalizer": "lowercase"}
        ),
        '"normalizer" ("lowercase") of "color" must be "none"',
        id="filter options",
    ),
]


@pytest.mark.parametrize(("change", "rule"), REFUSED)
def test_file_that_cannot_be_used_is_refused_by_its_rule(text_file, change, rule):
    path = text_file(change)
    if rule is None:
        assert "color" not in lexical_index(VECTOR, path).text_paths
        return

    with pytest.raises(ConfigError) as refused:
        lexical_index(VECTOR, path)

    assert refused.value.message.startswith(f"Index file {path}: {rule}")


def test_live_index_is_created_once_and_compared_by_its_words(collection, text_file):
    lexical = lexical_index(VECTOR, TEXT_FILE)
    create_collection(collection)
    missing = entry_problem(live_entries(collection), lexical, "shop.gallery")
    assert apply_index(collection, lexical, update=False) == "created"
    wait_until_queryable(collection, lexical, timeout_s=30)
    assert apply_index(collection, lexical, update=False) == "unchanged"

    (entry,) = live_entries(collection)
    fewer = read_any_index_file(text_file(lambda content: fields_of(content).pop("brand")))

    assert missing == (
        "Search index gallery_hybrid_text does not exist on shop.gallery, which has: none."
    )
    assert entry_problem([entry], lexical, "shop.gallery") is None
    assert definition_differences(entry, fewer) == [
        f"text_paths is {WORDS}, the file says {tuple(one for one in WORDS if one != 'brand')}"
    ]
    with pytest.raises(IndexNotReady, match="exists with another definition"):
        apply_index(collection, fewer, update=False)
