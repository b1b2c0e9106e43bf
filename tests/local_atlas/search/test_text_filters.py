"""The operators `text` and `phrase` in the filter of a knnBeta, rule by rule."""

from typing import Any

import pytest
from bson import Binary, ObjectId
from pymongo.database import Database

from tests.local_atlas.search.asking import (
    AGGREGATE_PREFIX,
    Documents,
    ids,
    indexed,
    knn_beta,
    refusal,
    search,
    search_definition,
)

TEXTS: dict[str, Any] = {
    "shoe": "Red leather shoe, made in Italy",
    "boot": "A black LEATHER boot",
    "dress": "red summer dress",
    "list": ["blue jeans", "red shirt"],
    "nested list": [["green scarf"], 7, None, {"a": "red"}],
    "swapped": "dress summer red",
    "number": 5,
    "null": None,
    "id": ObjectId("0" * 24),
    "binary": Binary(b"red"),
    "empty": "",
    "punctuation": "!?",
}
FIELDS: dict[str, Any] = {
    "t": {
        "type": "string",
        "multi": {
            "exact": {"type": "string", "analyzer": "lucene.keyword"},
            "words": {"type": "string", "analyzer": "lucene.whitespace"},
            "letters": {"type": "string", "analyzer": "lucene.simple"},
            "english": {"type": "string", "analyzer": "lucene.english"},
            "french": {"type": "string", "analyzer": "lucene.french"},
        },
    },
    "other": {"type": "string"},
    "token": {"type": "token"},
    "docs": {"type": "string", "indexOptions": "docs"},
    "own": {"type": "string", "analyzer": "mine"},
    "asked": {"type": "string", "analyzer": "lucene.keyword", "searchAnalyzer": "lucene.standard"},
    "parts": {"type": "document", "fields": {"name": {"type": "string"}}},
}


@pytest.fixture(scope="module")
def collection(module_db: Database[dict[str, Any]]) -> Documents:
    documents = [{"_id": name, "v": [0, 0], "t": text} for name, text in TEXTS.items()]
    documents += [
        {"_id": "other", "v": [0, 0], "other": "a red thing", "token": "red"},
        {"_id": "docs", "v": [0, 0], "docs": "one two"},
        {"_id": "asked", "v": [0, 0], "asked": "one"},
        {"_id": "parts", "v": [0, 0], "parts": [{"name": "left sleeve"}, {"name": "red collar"}]},
        {"_id": "own", "v": [0, 0], "own": "red"},
    ]
    definition = {
        **search_definition(**FIELDS),
        "analyzers": [{"name": "mine", "tokenizer": {"type": "standard"}}],
        "synonyms": [
            {"name": "colours", "source": {"collection": "s"}, "analyzer": "lucene.standard"}
        ],
    }
    return indexed(module_db.c, documents, definition)


RED = {"shoe", "dress", "list", "swapped"}


def t(query: Any, **options: Any) -> dict[str, Any]:
    return {"text": {"path": "t", "query": query, **options}}


def phrase(query: Any, **options: Any) -> dict[str, Any]:
    return {"phrase": {"path": "t", "query": query, **options}}


CASES = [
    pytest.param(t("red"), RED, id="a term, in strings and in arrays of them"),
    pytest.param(t("RED"), RED, id="case does not matter"),
    pytest.param(t("re"), set(), id="a part of a term is another term"),
    pytest.param(t("red leather"), RED | {"boot"}, id="any term is enough by default"),
    pytest.param(t("red leather", matchCriteria="any"), RED | {"boot"}, id="matchCriteria any"),
    pytest.param(t("red leather", matchCriteria="all"), {"shoe"}, id="matchCriteria all"),
    pytest.param(t("red jeans", matchCriteria="all"), {"list"}, id="all over a whole array"),
    pytest.param(t(["boot", "jeans"]), {"boot", "list"}, id="several queries"),
    pytest.param(t("scarf"), {"nested list"}, id="arrays inside arrays"),
    pytest.param(t("5"), set(), id="numbers are no text"),
    pytest.param(t("?!"), set(), id="a query of no terms matches nothing"),
    pytest.param(t("?!", matchCriteria="all"), set(), id="nor does all of no terms"),
    pytest.param(t("nowhere", matchCriteria="all"), set(), id="a term that no document has"),
    pytest.param(t("red", path=["t", "other"]), RED | {"other"}, id="several paths"),
    pytest.param(t("red", path={"value": "other"}), {"other"}, id="a path in a document"),
    pytest.param(t("red", path="unmapped"), set(), id="unmapped matches nothing"),
    pytest.param(t("red", path="token"), set(), id="a token is not analysed"),
    pytest.param(t("collar", path="parts.name"), {"parts"}, id="arrays of documents"),
    pytest.param(t("red", path={"wildcard": "o*r"}), {"other"}, id="wildcard path"),
    pytest.param(t("red", path={"wildcard": "p*"}), {"parts"}, id="wildcard over dots"),
    pytest.param(t("red", path={"wildcard": "z*"}), set(), id="wildcard that matches no path"),
    pytest.param(
        t("black leather boot", path={"value": "t", "multi": "exact"}), set(), id="keyword, partly"
    ),
    pytest.param(
        t("A black LEATHER boot", path={"value": "t", "multi": "exact"}), {"boot"}, id="keyword"
    ),
    pytest.param(
        t("shoe", path={"value": "t", "multi": "words"}), set(), id="whitespace keeps commas"
    ),
    pytest.param(
        t("shoe,", path={"value": "t", "multi": "words"}), {"shoe"}, id="whitespace analyzer"
    ),
    pytest.param(
        t("SHOE9", path={"value": "t", "multi": "letters"}), {"shoe"}, id="simple drops digits"
    ),
    pytest.param(t("one two", path="asked"), {"asked"}, id="searchAnalyzer for the query alone"),
    pytest.param(
        t("the Boots", path={"value": "t", "multi": "english"}), {"boot"}, id="english analyzer"
    ),
    pytest.param(
        t("in the", path={"value": "t", "multi": "english"}), set(), id="nothing but stop words"
    ),
    pytest.param(
        phrase("Made the Italy", path={"value": "t", "multi": "english"}),
        {"shoe"},
        id="a stop word keeps its place, whichever it is",
    ),
    pytest.param(
        phrase("shoe made italy", path={"value": "t", "multi": "english"}),
        set(),
        id="a stop word cannot be left out",
    ),
    pytest.param(t("leahter"), set(), id="a typing error"),
    pytest.param(t("leahter", fuzzy={"maxEdits": 1}), {"shoe", "boot"}, id="fuzzy: a swap is one"),
    pytest.param(t("lether", fuzzy={}), {"shoe", "boot"}, id="fuzzy: defaults"),
    pytest.param(t("lethr", fuzzy={"maxEdits": 1}), set(), id="fuzzy: too many edits"),
    pytest.param(t("lethr", fuzzy={"maxEdits": 2}), {"shoe", "boot"}, id="fuzzy: two edits"),
    pytest.param(
        t("xeather", fuzzy={"maxEdits": 1, "prefixLength": 1}), set(), id="fuzzy: prefixLength"
    ),
    pytest.param(
        t("boat dross", fuzzy={"maxEdits": 1}), {"boot", "dress", "swapped"}, id="fuzzy: each term"
    ),
    pytest.param(
        t("rad dross", fuzzy={"maxEdits": 1}, matchCriteria="all"),
        {"dress", "swapped"},
        id="fuzzy and all",
    ),
    pytest.param(
        t("rea", fuzzy={"maxEdits": 2, "maxExpansions": 1}), RED, id="fuzzy: the best expansion"
    ),
    pytest.param(phrase("red summer dress"), {"dress"}, id="phrase"),
    pytest.param(phrase("red dress"), set(), id="phrase with a word between"),
    pytest.param(phrase("red dress", slop=1), {"dress"}, id="phrase: slop"),
    pytest.param(phrase("dress red", slop=2), {"swapped"}, id="phrase: slop, backwards not yet"),
    pytest.param(phrase("dress red", slop=3), {"swapped", "dress"}, id="phrase: slop backwards"),
    pytest.param(phrase("red"), RED, id="phrase of one term"),
    pytest.param(phrase("red nowhere"), set(), id="phrase with an unknown term"),
    pytest.param(phrase(["black leather", "red shirt"]), {"boot", "list"}, id="several phrases"),
    pytest.param(phrase("LEATHER, shoe"), {"shoe"}, id="phrase: punctuation takes no place"),
    pytest.param(phrase("?!"), set(), id="phrase of no terms"),
    pytest.param(phrase("boot boot", slop=5), set(), id="phrase: one word is not taken twice"),
    # The engine's analyzers leave no gap between the elements of an array.
    pytest.param(phrase("jeans red"), {"list"}, id="phrase across the elements of an array"),
    pytest.param(phrase("sleeve red", path="parts.name"), {"parts"}, id="phrase across documents"),
    pytest.param(phrase("one", path="docs"), {"docs"}, id="a term needs no positions"),
    pytest.param(
        {"compound": {"must": t("red"), "mustNot": phrase("red shirt")}},
        RED - {"list"},
        id="inside compound",
    ),
    pytest.param(
        {"compound": {"mustNot": [t("red", path={"wildcard": "oth*"})]}},
        {*TEXTS, "docs", "asked", "parts", "own"},
        id="mustNot of text",
    ),
]


@pytest.mark.parametrize(("filter_", "expected"), CASES)
def test_text_filter_of_knn_beta(
    collection: Documents, filter_: dict[str, Any], expected: set[str]
) -> None:
    assert expected == set(ids(knn_beta(collection, filter=filter_)))


@pytest.mark.parametrize(("operator", "expected"), CASES)
def test_text_at_the_top_finds_what_the_filter_finds(
    collection: Documents, operator: dict[str, Any], expected: set[str]
) -> None:
    assert sorted(ids(search(collection, operator))) == sorted(expected)


def test_text_filters_the_vector_search_operator(db: Database[dict[str, Any]]) -> None:
    vector = {"type": "vector", "numDimensions": 2, "similarity": "euclidean"}
    documents = [{"_id": 1, "w": [0, 0], "t": "red"}, {"_id": 2, "w": [0, 0], "t": "blue"}]
    fields = {"w": vector, "t": {"type": "string"}}
    collection = indexed(db.c, documents, {"mappings": {"fields": fields}})
    criteria = {"path": "w", "queryVector": [0, 0], "exact": True, "limit": 5}

    hits = collection.aggregate([{"$search": {"vectorSearch": {**criteria, "filter": t("blue")}}}])

    assert [hit["_id"] for hit in hits] == [2]


REFUSED = [
    pytest.param({"text": {"path": "t"}}, '"knnBeta.filter.text.query" is required', id="no query"),
    pytest.param({"text": {"query": "x"}}, '"knnBeta.filter.text.path" is required', id="no path"),
    pytest.param(t(5), '"knnBeta.filter.text.query" must be a string', id="query type"),
    pytest.param(t(""), '"knnBeta.filter.text.query" cannot be empty', id="empty query"),
    pytest.param(t([]), '"knnBeta.filter.text.query" cannot be empty', id="no queries"),
    pytest.param(
        t(["a", ""]), '"knnBeta.filter.text.query[1]" cannot be empty', id="one query is empty"
    ),
    pytest.param(
        t("x", path=[]), '"knnBeta.filter.text.path" cannot be empty', id="empty array of paths"
    ),
    pytest.param(
        t("x", path=5), '"knnBeta.filter.text.path" must be a document or string', id="path type"
    ),
    pytest.param(
        t("x", path={"wildcard": "t"}),
        '"knnBeta.filter.text.path.wildcard" must contain a "*"',
        id="wildcard without a star",
    ),
    pytest.param(
        t("x", path={"wildcard": "t**"}),
        '"knnBeta.filter.text.path.wildcard" cannot contain more than 1 "*" next to each other',
        id="two stars",
    ),
    pytest.param(
        t("x", path={"wildcard": "t*", "multi": "m"}),
        '"knnBeta.filter.text.path" multi cannot be defined along with wildcard',
        id="wildcard with multi",
    ),
    pytest.param(
        t("x", path={"wildcard": "t*", "value": "t"}),
        '"knnBeta.filter.text.path" unrecognized field "value"',
        id="wildcard with value",
    ),
    pytest.param(
        t("x", path={"value": "t", "multi": "a.b"}),
        '"knnBeta.filter.text.path.multi" cannot contain "."',
        id="multi with a dot",
    ),
    pytest.param(
        t("x", path={"value": "t", "multi": "none"}),
        "t (multi: none) not found in index: default",
        id="unknown multi",
    ),
    pytest.param(
        t("x", matchCriteria="some"),
        '"knnBeta.filter.text.matchCriteria" must be one of [all, any]',
        id="matchCriteria",
    ),
    pytest.param(
        t("x", fuzzy={"maxEdits": 3}),
        '"knnBeta.filter.text.fuzzy.maxEdits" must be either 1 or 2',
        id="maxEdits",
    ),
    pytest.param(
        t("x", fuzzy={"prefixLength": -1}),
        '"knnBeta.filter.text.fuzzy.prefixLength" cannot be negative',
        id="prefixLength",
    ),
    pytest.param(
        t("x", fuzzy={"maxExpansions": 1001}),
        '"knnBeta.filter.text.fuzzy.maxExpansions" must be within bounds [1..1000]',
        id="maxExpansions",
    ),
    pytest.param(
        t("x", fuzzy={"edits": 1}),
        '"knnBeta.filter.text.fuzzy" unrecognized field "edits"',
        id="unknown field of fuzzy",
    ),
    pytest.param(
        t("x", fuzzy={}, synonyms="colours"),
        '"knnBeta.filter.text" at most one of [fuzzy, synonyms] may be present',
        id="fuzzy and synonyms",
    ),
    pytest.param(t("x", synonyms="none"), 'unknown synonym mapping name "none"', id="synonyms"),
    pytest.param(
        phrase("x", synonyms="none"), 'unknown synonym mapping name "none"', id="of a phrase"
    ),
    pytest.param(
        t("x", slop=1), '"knnBeta.filter.text" unrecognized field "slop"', id="unknown field"
    ),
    pytest.param(
        phrase("x", slop=-1), '"knnBeta.filter.phrase.slop" cannot be negative', id="slop"
    ),
    pytest.param(
        phrase("x", fuzzy={}), '"knnBeta.filter.phrase" unrecognized field "fuzzy"', id="fuzzily"
    ),
    pytest.param(
        phrase("one two", path="docs"),
        "field docs not indexed as string with indexOptions=offset or indexOptions=positions, "
        "which is required for phrase operator queries",
        id="phrase without positions",
    ),
]
NOT_EMULATED = [
    pytest.param(
        t("x", synonyms="colours"),
        'synonym mapping "colours" (not emulated by LocalAtlas)',
        id="known synonyms are refused by name",
    ),
    pytest.param(
        t("x", path="own"),
        'analyzer "mine" of field own (not emulated by LocalAtlas)',
        id="a custom analyzer is refused by name",
    ),
    pytest.param(
        {"compound": {"should": [t("x"), {"compound": {"mustNot": t("x", path="own")}}]}},
        'analyzer "mine" of field own (not emulated by LocalAtlas)',
        id="inside compound",
    ),
    pytest.param(
        phrase("x", path={"value": "t", "multi": "french"}),
        'analyzer "lucene.french" of field t (multi: french) (not emulated by LocalAtlas)',
        id="another built-in analyzer is refused by name",
    ),
    pytest.param(
        t("x", path={"wildcard": "o*n"}),
        'analyzer "mine" of field own (not emulated by LocalAtlas)',
        id="under a wildcard as well",
    ),
]


@pytest.mark.parametrize(("filter_", "message"), REFUSED)
def test_text_filter_is_refused(
    collection: Documents, filter_: dict[str, Any], message: str
) -> None:
    knn = {"path": "v", "vector": [0, 0], "k": 1, "filter": filter_}

    assert refusal(collection, {"$search": {"knnBeta": knn}}) == (8, AGGREGATE_PREFIX + message)
    at_the_top = AGGREGATE_PREFIX + message.replace("knnBeta.filter.", "")
    assert refusal(collection, {"$search": filter_}) == (8, at_the_top)


@pytest.mark.local_atlas_only
@pytest.mark.parametrize(("filter_", "message"), NOT_EMULATED)
def test_what_a_text_filter_would_need_is_refused_by_name(
    collection: Documents, filter_: dict[str, Any], message: str
) -> None:
    knn = {"path": "v", "vector": [0, 0], "k": 1, "filter": filter_}

    for stage in ({"$search": {"knnBeta": knn}}, {"$search": filter_}):
        assert refusal(collection, stage) == (8, AGGREGATE_PREFIX + message)


def test_an_index_that_never_saw_a_text_refuses_all_the_same(db: Database[dict[str, Any]]) -> None:
    collection = indexed(db.c, [], search_definition(t={"type": "string"}))
    knn = {"path": "v", "vector": [0, 0], "k": 1, "filter": t("x", synonyms="none")}

    assert refusal(collection, {"$search": {"knnBeta": knn}})[1].endswith(
        'unknown synonym mapping name "none"'
    )


KEYWORD = {"analyzer": "lucene.keyword"}
ANALYZERS = [
    pytest.param({}, {"red": [1], "Red Shoe": [1]}, id="the standard one by default"),
    pytest.param(KEYWORD, {"red": [], "Red Shoe": [1]}, id="the one of the index"),
    pytest.param(
        {**KEYWORD, "searchAnalyzer": "lucene.standard"},
        {"red": [], "Red Shoe": []},
        id="another one for queries",
    ),
]


@pytest.mark.parametrize(("analyzers", "expected"), ANALYZERS)
def test_dynamic_fields_are_analysed_by_the_analyzer_of_the_index(
    db: Database[dict[str, Any]], analyzers: dict[str, str], expected: dict[str, list[int]]
) -> None:
    definition = {**search_definition(), **analyzers}
    definition["mappings"]["dynamic"] = True
    documents = [{"_id": 1, "v": [0, 0], "a": {"deep": ["Red Shoe"]}}]
    collection = indexed(db.c, documents, definition)

    for path in ("a.deep", {"wildcard": "*"}):
        found = {query: ids(knn_beta(collection, filter=t(query, path=path))) for query in expected}
        assert found == expected


@pytest.mark.local_atlas_only
def test_dynamic_fields_of_an_analyzer_that_is_not_emulated_refuse(
    db: Database[dict[str, Any]],
) -> None:
    definition = {**search_definition(), "analyzer": "lucene.french"}
    definition["mappings"]["dynamic"] = True
    collection = indexed(db.c, [{"_id": 1, "v": [0, 0], "a": "rouge"}], definition)

    for path, named in (("a", "a"), ({"wildcard": "*"}, "*")):
        knn = {"path": "v", "vector": [0, 0], "k": 1, "filter": t("x", path=path)}
        assert refusal(collection, {"$search": {"knnBeta": knn}})[1].endswith(
            f'analyzer "lucene.french" of field {named} (not emulated by LocalAtlas)'
        )
