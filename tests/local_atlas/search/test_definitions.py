"""Definitions of both index types: what is taken, what is refused, and with which words."""

from typing import Any

import pytest
from bson import Int64
from pymongo.database import Database

from tests.local_atlas.search.asking import Documents, wait_until_ready
from tests.local_atlas.search.wording import assert_command_refused

VECTOR = {"type": "vector", "path": "v", "numDimensions": 8, "similarity": "cosine"}
KNN = {"type": "knnVector", "dimensions": 8, "similarity": "cosine"}
EMBEDDED_KNN = {"type": "embeddedDocuments", "fields": {"v": KNN}}
TYPE_NAMES = (
    "[autoEmbedVector, autocomplete, boolean, date, document, embeddedDocuments, geo, knnVector, "
    "number, objectId, string, token, uuid, vector]"
)
SIMILARITIES = "must be one of [cosine, dotProduct, euclidean]"


@pytest.fixture
def collection(db: Database[dict[str, Any]]) -> Documents:
    return db.create_collection("c")


def fields(*elements: Any, **options: Any) -> dict[str, Any]:
    return {"fields": list(elements), **options}


def mappings(**definitions: Any) -> dict[str, Any]:
    return {"mappings": {"fields": definitions}}


VECTOR_REFUSALS = [
    pytest.param({}, '.fields" is required', id="no fields"),
    pytest.param({"fields": None}, '.fields" is required', id="null counts as missing"),
    pytest.param({"fields": {}}, '.fields" must be a array', id="fields is no array"),
    pytest.param(fields(), '.fields" cannot be empty', id="nothing to index"),
    pytest.param(fields(5), '.fields[0]" must be a document', id="element is no document"),
    pytest.param(fields({"path": "v"}), '.fields[0].type" is required', id="no type"),
    pytest.param(
        fields({"type": "Vector"}),
        '.fields[0].type" must be one of [autoEmbed, embeddedDocuments, filter, text, vector]',
        id="types are case sensitive",
    ),
    pytest.param(fields({**VECTOR, "path": None}), '.fields[0].path" is required', id="null path"),
    pytest.param(
        fields({"type": "filter", "path": 1}), '.fields[0].path" must be a string', id="path type"
    ),
    pytest.param(
        fields({"type": "vector", "path": "v", "similarity": "cosine"}),
        '.fields[0].numDimensions" is required',
        id="no numDimensions",
    ),
    pytest.param(
        fields({**VECTOR, "numDimensions": "8"}),
        '.fields[0].numDimensions" must be a integer',
        id="numDimensions is a string",
    ),
    pytest.param(
        fields({**VECTOR, "numDimensions": 2.5}),
        '.fields[0].numDimensions" must be an integer',
        id="numDimensions is a fraction",
    ),
    pytest.param(
        fields({**VECTOR, "numDimensions": 2**31}),
        '.fields[0].numDimensions" overflowed, must fit in a 32 bit integer',
        id="numDimensions over 32 bits",
    ),
    pytest.param(
        fields({**VECTOR, "numDimensions": 0}),
        '.fields[0].numDimensions" must be within bounds [1..8192]',
        id="numDimensions too low",
    ),
    pytest.param(
        fields({**VECTOR, "numDimensions": 8193}),
        '.fields[0].numDimensions" must be within bounds [1..8192]',
        id="numDimensions too high",
    ),
    pytest.param(
        fields({"type": "vector", "path": "v", "numDimensions": 8}),
        '.fields[0].similarity" is required',
        id="no similarity",
    ),
    pytest.param(
        fields({**VECTOR, "similarity": "Cosine"}),
        f'.fields[0].similarity" {SIMILARITIES}',
        id="similarity is case sensitive",
    ),
    pytest.param(
        fields({**VECTOR, "quantization": {"type": "scalar"}}),
        '.fields[0].quantization" must be a string',
        id="quantization is a document",
    ),
    pytest.param(
        fields({**VECTOR, "quantization": "int8"}),
        '.fields[0].quantization" must be one of [binary, none, scalar]',
        id="unknown quantization",
    ),
    pytest.param(
        fields({**VECTOR, "numDimensions": 12, "quantization": "binary"}),
        '.fields[0]" numDimensions 12 must be a multiple of 8 for binary quantization',
        id="binary quantization of 12 dimensions",
    ),
    pytest.param(
        fields({**VECTOR, "indexingMethod": "ivf"}),
        '.fields[0].indexingMethod" must be one of [flat, hnsw]',
        id="unknown indexingMethod",
    ),
    pytest.param(
        fields({**VECTOR, "indexingMethod": "flat", "hnswOptions": {}}),
        '.fields[0]" hnswOptions is only supported with "indexingMethod: hnsw".',
        id="hnswOptions with flat",
    ),
    pytest.param(
        fields({**VECTOR, "hnswOptions": {"maxEdges": 15}}),
        '.fields[0].hnswOptions.maxEdges" must be within bounds [16..64]',
        id="maxEdges too low",
    ),
    pytest.param(
        fields({**VECTOR, "hnswOptions": {"maxEdges": 65}}),
        '.fields[0].hnswOptions.maxEdges" must be within bounds [16..64]',
        id="maxEdges too high",
    ),
    pytest.param(
        fields({**VECTOR, "hnswOptions": {"numEdgeCandidates": 99}}),
        '.fields[0].hnswOptions.numEdgeCandidates" must be within bounds [100..3200]',
        id="numEdgeCandidates too low",
    ),
    pytest.param(
        fields({**VECTOR, "hnswOptions": {"m": 16}}),
        '.fields[0].hnswOptions" unrecognized field "m"',
        id="unknown key of hnswOptions",
    ),
    pytest.param(
        fields({**VECTOR, "hnswOptions": {"numEdgeCandidates": 3201}}),
        '.fields[0].hnswOptions.numEdgeCandidates" must be within bounds [100..3200]',
        id="numEdgeCandidates too high",
    ),
    pytest.param(
        fields({**VECTOR, "dimensions": 8}),
        '.fields[0]" unrecognized field "dimensions"',
        id="unknown key of a vector",
    ),
    pytest.param(
        fields({"type": "filter", "path": "f", "a": 1, "b": 2}),
        '.fields[0]" unrecognized fields ["a", "b"]',
        id="unknown keys of a filter",
    ),
    pytest.param(
        fields(VECTOR, VECTOR),
        '.fields" Vector and filter fields should have distinct paths',
        id="two vectors on one path",
    ),
    pytest.param(
        fields(VECTOR, {"type": "filter", "path": "v"}),
        '.fields" Vector and filter fields should have distinct paths',
        id="vector and filter on one path",
    ),
    pytest.param(
        fields(VECTOR, {"type": "filter", "path": "f"}, {"type": "filter", "path": "f"}),
        '.fields" Vector and filter fields should have distinct paths',
        id="two filters on one path",
    ),
    pytest.param(
        fields(VECTOR, numPartitions=3),
        '.numPartitions" numPartitions 3 must be of 1, 2, 4, 8, 16, 32, or 64.',
        id="numPartitions",
    ),
    pytest.param(
        fields(VECTOR, storedSource=True),
        " storedSource: true is not supported for vector indexes. Accepted values are include, "
        "exclude, or false.",
        id="storedSource true",
    ),
    pytest.param(
        fields(VECTOR, storedSource={"include": ["a"], "exclude": ["b"]}),
        '.storedSource" only one of [include, exclude] may be present',
        id="include and exclude",
    ),
    pytest.param(
        fields(VECTOR, storedSource={"include": []}),
        '.storedSource.include" cannot be empty',
        id="empty include",
    ),
    pytest.param(
        fields(VECTOR, storedSource=5),
        '.storedSource" must be a boolean or document',
        id="storedSource is a number",
    ),
    pytest.param(
        fields({"type": "autoEmbed", "path": "t", "model": "voyage-4", "modality": "text"}),
        '.fields[0]" field type "autoEmbed" (not emulated by LocalAtlas)',
        id="autoEmbed is refused by name",
    ),
]


@pytest.mark.parametrize(("definition", "message"), VECTOR_REFUSALS)
def test_vector_definition_is_refused_on_create(
    collection: Documents, definition: dict[str, Any], message: str
) -> None:
    specification = {"type": "vectorSearch", "definition": definition}

    prefix = '"userCommand.indexes[0]' + ("" if message.startswith(".") else '"')
    assert_command_refused(
        collection, "createSearchIndexes", {"indexes": [specification]}, (8, prefix + message)
    )
    assert list(collection.list_search_indexes()) == []


SEARCH_REFUSALS = [
    pytest.param({}, '.mappings" is required', id="no mappings"),
    pytest.param(fields(VECTOR), '.mappings" is required', id="fields without a type"),
    pytest.param({"mappings": []}, '.mappings" must be a document', id="mappings is an array"),
    pytest.param(
        {"mappings": {"dynamic": 1}},
        '.mappings.dynamic" must be a boolean or document',
        id="dynamic is a number",
    ),
    pytest.param(
        {"mappings": {"fields": []}}, '.mappings.fields" must be a document', id="fields array"
    ),
    pytest.param(
        {"mappings": {}, "nestedRoot": "a"},
        " `nestedRoot` is not supported in search index definitions. Remove `nestedRoot` from "
        'the definition, or set the index `type` to `"vectorSearch"` if you intended to create '
        "a vector search index.",
        id="nestedRoot",
    ),
    pytest.param(mappings(v=None), '.mappings.fields.v" cannot be null', id="null field"),
    pytest.param(mappings(v={}), '.mappings.fields.v.type" is required', id="no type"),
    pytest.param(
        mappings(v={"type": "vectors"}),
        f'.mappings.fields.v.type" must be one of {TYPE_NAMES}',
        id="unknown type",
    ),
    pytest.param(
        mappings(v={"type": "knnVector", "similarity": "cosine"}),
        '.mappings.fields.v.dimensions" is required',
        id="no dimensions",
    ),
    pytest.param(
        mappings(v={"type": "knnVector", "dimensions": 8}),
        '.mappings.fields.v.similarity" is required',
        id="no similarity",
    ),
    pytest.param(
        mappings(v={**KNN, "dimensions": 8193}),
        '.mappings.fields.v.dimensions" must be within bounds [1..8192]',
        id="too many dimensions",
    ),
    pytest.param(
        mappings(v={**KNN, "dimensions": 0}),
        '.mappings.fields.v.dimensions" must be within bounds [1..8192]',
        id="no dimension",
    ),
    pytest.param(
        mappings(v={**KNN, "dimensions": 1e10}),
        '.mappings.fields.v.dimensions" overflowed, must fit in a 32 bit integer',
        id="dimensions over 32 bits",
    ),
    pytest.param(
        mappings(v={**KNN, "similarity": "dot_product"}),
        f'.mappings.fields.v.similarity" {SIMILARITIES}',
        id="unknown similarity",
    ),
    pytest.param(
        mappings(v={**KNN, "numDimensions": 8}),
        '.mappings.fields.v" unrecognized field "numDimensions"',
        id="knnVector takes no numDimensions",
    ),
    pytest.param(
        mappings(v={**KNN, "quantization": "scalar"}),
        '.mappings.fields.v" unrecognized field "quantization"',
        id="knnVector takes no quantization",
    ),
    pytest.param(
        mappings(v=[KNN, KNN]),
        '.mappings.fields.v" field contained multiple "[knnVector]" type definitions',
        id="one type twice",
    ),
    pytest.param(
        mappings(v=[KNN, {"type": "vector", "numDimensions": 8, "similarity": "cosine"}]),
        '.mappings.fields.v" can only define one of [knnVector, vector]',
        id="knnVector and vector",
    ),
    pytest.param(
        mappings(v=[{"type": "sortableDateBetaV1"}, {"type": "sortableNumberBetaV1"}]),
        '.mappings.fields.v" can only define one of '
        "[sortableDateBetaV1, sortableNumberBetaV1, sortableStringBetaV1]",
        id="two ways to sort",
    ),
    pytest.param(
        {"mappings": {"dynamic": {"typeSet": " "}}},
        '.mappings.dynamic.typeSet" cannot be blank',
        id="blank typeSet",
    ),
    pytest.param(
        mappings(v=[{"type": "token"}, {"type": "number", "x": 1}]),
        '.mappings.fields.v[1]" unrecognized field "x"',
        id="unknown key in an array of definitions",
    ),
    pytest.param(
        mappings(v={"type": "vector", "path": "v", "numDimensions": 8, "similarity": "cosine"}),
        '.mappings.fields.v" unrecognized field "path"',
        id="a vector in a search index takes no path",
    ),
    pytest.param(
        mappings(a=EMBEDDED_KNN),
        '.mappings.fields.a" cannot define fields of type knnVector inside an embeddedDocuments '
        "field",
        id="knnVector in embeddedDocuments",
    ),
    pytest.param(
        mappings(a={"type": "document", "fields": {"v": {"type": "token", "normalizer": "up"}}}),
        '.mappings.fields.a.fields.v.normalizer" must be one of [lowercase, none]',
        id="nested path",
    ),
    pytest.param(
        {"mappings": {}, "numPartitions": 0},
        '.numPartitions" numPartitions 0 must be of 1, 2, 4, 8, 16, 32, or 64.',
        id="numPartitions",
    ),
    pytest.param(
        {"mappings": {}, "analyzers": [{"name": "a"}, {"name": "a"}]},
        '.analyzers" cannot contain elements with the same name',
        id="two analyzers of one name",
    ),
    pytest.param(
        mappings(s={"type": "string", "ignoreAbove": 0}),
        '.mappings.fields.s.ignoreAbove" must be positive',
        id="ignoreAbove",
    ),
    pytest.param(
        mappings(s={"type": "string", "multi": {"m": {}}}),
        '.mappings.fields.s.multi.m.type" is required',
        id="multi without a type",
    ),
    pytest.param(
        mappings(s={"type": "string", "multi": {"m": {"type": "token"}}}),
        '.mappings.fields.s.multi.m" multi definition must be string field',
        id="multi of another type",
    ),
    pytest.param(
        mappings(
            s={
                "type": "string",
                "multi": {"m": {"type": "string", "multi": {"n": {"type": "string"}}}},
            }
        ),
        '.mappings.fields.s.multi.m" multi definition cannot contain nested multi definition',
        id="multi inside multi",
    ),
    pytest.param(
        mappings(s={"type": "string", "multi": {"m": {"type": "string", "x": 1}}}),
        '.mappings.fields.s.multi.m" unrecognized field "x"',
        id="unknown field of multi",
    ),
    pytest.param(
        {"mappings": {}, "synonyms": [{"name": "s", "analyzer": "lucene.standard"}]},
        '.synonyms[0].source" is required',
        id="synonyms without a source",
    ),
    pytest.param(
        {"mappings": {}, "synonyms": [{"name": "s", "source": {"collection": "c"}}]},
        '.synonyms[0].analyzer" is required',
        id="synonyms without an analyzer",
    ),
]


@pytest.mark.parametrize(("definition", "message"), SEARCH_REFUSALS)
def test_search_definition_is_refused_on_create(
    collection: Documents, definition: dict[str, Any], message: str
) -> None:
    prefix = '"userCommand.indexes[0]' + ("" if message.startswith(".") else '"')
    fields_ = {"indexes": [{"definition": definition}]}
    assert_command_refused(collection, "createSearchIndexes", fields_, (8, prefix + message))


ACCEPTED = [
    pytest.param("vectorSearch", fields({**VECTOR, "numDimensions": 8.0}), id="integral double"),
    pytest.param("vectorSearch", fields({**VECTOR, "numDimensions": Int64(8)}), id="long"),
    pytest.param("vectorSearch", fields({**VECTOR, "numDimensions": 8192}), id="8192 dimensions"),
    pytest.param(
        "vectorSearch",
        fields({**VECTOR, "numDimensions": 12, "quantization": "scalar"}),
        id="12 dimensions without binary quantization",
    ),
    pytest.param("vectorSearch", fields({**VECTOR, "quantization": None}), id="null option"),
    pytest.param("vectorSearch", fields({**VECTOR, "quantization": "binary"}), id="binary"),
    pytest.param(
        "vectorSearch",
        fields({**VECTOR, "hnswOptions": {"maxEdges": 64, "numEdgeCandidates": 3200}}),
        id="hnswOptions",
    ),
    pytest.param("vectorSearch", fields({**VECTOR, "indexingMethod": "flat"}), id="flat"),
    pytest.param(
        "vectorSearch",
        fields({**VECTOR, "path": "a.v"}, {"type": "filter", "path": "a"}, numPartitions=4),
        id="parent and child paths",
    ),
    pytest.param("vectorSearch", fields(VECTOR, whatever=1), id="unknown top-level key on create"),
    pytest.param("vectorSearch", fields(VECTOR, storedSource={"exclude": ["v"]}), id="stored"),
    pytest.param("search", mappings(v=KNN), id="knnVector, dynamic defaults to false"),
    pytest.param("search", mappings(v={**KNN, "dimensions": 2048}), id="2048 of a knnVector"),
    pytest.param(
        "search",
        mappings(v={**KNN, "dimensions": 8192}),
        marks=pytest.mark.local_atlas_only,  # the search server takes them, Atlas stops at 2048
        id="8192 of a knnVector",
    ),
    pytest.param(
        "search",
        mappings(a={"type": "document", "fields": {"v": KNN}}),
        id="a knnVector inside a document",
    ),
    pytest.param(
        "search",
        mappings(
            v={
                "type": "vector",
                "numDimensions": 8,
                "similarity": "dotProduct",
                "quantization": "scalar",
                "hnswOptions": {"maxEdges": 32},
            }
        ),
        id="a vector in a search index takes what a vector index takes",
    ),
    pytest.param("search", mappings(v=[KNN, {"type": "token"}]), id="array of definitions"),
    pytest.param("search", mappings(**{"a.v": KNN}), id="dotted key"),
    pytest.param("search", {"mappings": {"dynamic": True}, "storedSource": True}, id="dynamic"),
    pytest.param(
        "search",
        {
            "mappings": {"dynamic": {"typeSet": "s"}},
            "typeSets": [{"name": "s", "types": [{"type": "token"}]}],
        },
        id="type set",
    ),
    pytest.param(
        "search",
        mappings(
            s={"type": "string", "analyzer": "lucene.english"},
            c={"type": "autocomplete", "tokenization": "nGram"},
            g={"type": "geo", "indexShapes": True},
            f={"type": "stringFacet"},
            e={"type": "embeddedDocuments", "dynamic": True},
        ),
        id="types that LocalAtlas does not search",
    ),
]


@pytest.mark.parametrize(("index_type", "definition"), ACCEPTED)
def test_definition_is_accepted_and_listed_verbatim(
    collection: Documents, index_type: str, definition: dict[str, Any]
) -> None:
    specification = {"name": "i", "type": index_type, "definition": definition}

    collection.database.command("createSearchIndexes", "c", indexes=[specification])

    entry = wait_until_ready(collection, "i")
    assert entry["latestDefinition"] == definition
    assert entry.get("type", index_type) == index_type  # the search server alone does not tell it


UPDATE_REFUSALS = [
    pytest.param(
        "vectorSearch",
        fields({"type": "vector", "path": "v", "similarity": "cosine"}),
        '"fields[0].numDimensions" is required',
        id="the path has no prefix",
    ),
    pytest.param("vectorSearch", mappings(v=KNN), '"fields" is required', id="search definition"),
    pytest.param("search", fields(VECTOR), '"mappings" is required', id="vector definition"),
    pytest.param(
        "vectorSearch",
        fields(VECTOR, whatever=1),
        'unrecognized field "whatever"',
        id="unknown top-level key",
    ),
]


@pytest.mark.parametrize(("index_type", "definition", "message"), UPDATE_REFUSALS)
def test_definition_is_refused_on_update(
    collection: Documents, index_type: str, definition: dict[str, Any], message: str
) -> None:
    good = fields(VECTOR) if index_type == "vectorSearch" else mappings(v=KNN)
    specification = {"name": "i", "type": index_type, "definition": good}
    collection.database.command("createSearchIndexes", "c", indexes=[specification])

    fields_ = {"name": "i", "definition": definition}
    assert_command_refused(collection, "updateSearchIndex", fields_, (125, message))


@pytest.mark.parametrize("partitions", [1, 2, 4, 8, 16, 32, 64])
def test_partitions_are_powers_of_two(collection: Documents, partitions: int) -> None:
    for index_type, definition in (("search", mappings(v=KNN)), ("vectorSearch", fields(VECTOR))):
        partitioned = {**definition, "numPartitions": partitions}
        specification = {"name": index_type, "type": index_type, "definition": partitioned}
        collection.database.command("createSearchIndexes", "c", indexes=[specification])

        assert wait_until_ready(collection, index_type)["latestDefinition"] == partitioned


def test_nested_root_has_to_name_a_vector_field(collection: Documents) -> None:
    specification = {"type": "vectorSearch", "definition": fields(VECTOR, nestedRoot="sections")}

    text = 'nestedRoot "sections" does not match any vector field path in the index definition'
    assert_command_refused(
        collection, "createSearchIndexes", {"indexes": [specification]}, (125, text)
    )
