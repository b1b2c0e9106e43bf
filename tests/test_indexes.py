import json
import re

import pytest

from app.config import PROJECT_ROOT
from app.errors import ConfigError
from app.indexes import read_index_file

FILTERS = {
    "_id": "token",
    "embedded_by": "token",
    "product_id": "token",
    "category": "token",
    "color": "token",
    "price": "number",
    "in_stock": "boolean",
}


@pytest.fixture
def vector_file(tmp_path):
    """Return a writer of changed copies of the vectorSearch file that ships."""

    def write(change):
        content = json.loads((PROJECT_ROOT / "atlas/gallery_vector.json").read_text())
        change(content)
        path = tmp_path / "index.json"
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.mark.parametrize(
    ("name", "index_type", "vector_type"),
    [
        ("gallery_knn", "search", "float32"),
        ("gallery_hybrid_knn", "search", "float32"),
        ("gallery_vector", "vectorSearch", "float32"),
        ("gallery_vector_scalar", "vectorSearch", "float32"),
        ("gallery_vector_int8", "vectorSearch", "int8"),
    ],
)
def test_shipped_files_describe_the_same_gallery(name, index_type, vector_type):
    index = read_index_file(PROJECT_ROOT / "atlas" / f"{name}.json")

    assert (index.name, index.type) == (name, index_type)
    assert (index.path, index.dimensions, index.similarity) == ("embedding", 512, "cosine")
    assert index.filter_types == FILTERS
    assert index.vector_type == vector_type


def test_keys_of_ours_are_not_sent():
    index = read_index_file(PROJECT_ROOT / "atlas/gallery_vector.json")

    assert set(index.definition) == {"fields"}


def test_nested_documents_and_arrays_of_definitions_are_read(tmp_path):
    vector = {"type": "knnVector", "dimensions": 4, "similarity": "euclidean"}
    fields = {
        "visual": {
            "type": "document",
            "fields": {"embedding": vector, "embedded_by": {"type": "token"}},
        },
        "title": [{"type": "string"}, {"type": "token"}],
    }
    path = tmp_path / "index.json"
    definition = {"mappings": {"fields": fields}}
    path.write_text(json.dumps({"name": "n", "type": "search", "definition": definition}))

    index = read_index_file(path)

    assert (index.path, index.dimensions) == ("visual.embedding", 4)
    assert index.embedded_by_path == "visual.embedded_by"
    assert index.filter_types == {"visual.embedded_by": "token", "title": "token"}


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (
            {"type": "token", "normalizer": "lowercase"},
            '"normalizer" \\("lowercase"\\) of "a.b" must be "none"',
        ),
        (
            {"type": "number", "representation": "int64"},
            '"representation" \\("int64"\\) of "a.b" must be "double"',
        ),
        ({"type": "number", "indexIntegers": False}, '"indexIntegers" \\(false\\) of "a.b"'),
        ({"type": "number", "indexDoubles": False}, '"indexDoubles" \\(false\\) of "a.b"'),
    ],
)
def test_filter_field_that_a_vector_index_would_read_otherwise_is_refused(tmp_path, field, message):
    vector = {"type": "knnVector", "dimensions": 4, "similarity": "euclidean"}
    fields = {"embedding": vector, "a": {"type": "document", "fields": {"b": field}}}
    path = tmp_path / "index.json"
    definition = {"mappings": {"fields": fields}}
    path.write_text(json.dumps({"name": "n", "type": "search", "definition": definition}))

    with pytest.raises(ConfigError, match=message):
        read_index_file(path)


def _set(key, value):
    return lambda content: content.update({key: value})


def _field(i, key, value):
    return lambda content: content["definition"]["fields"][i].update({key: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("name", ""), '"name" must be a non-empty string'),
        (_set("type", "vector"), "\"type\" \\('vector'\\)"),
        (_set("definition", []), '"definition" must be an object'),
        (_set("vectorType", "int4"), '"vectorType"'),
        (_set("index", "x"), "unknown key 'index'"),
        (_set("filterTypes", {}), '"filterTypes" must give filter field "_id"'),
        (_field(0, "numDimensions", 0), '"numDimensions" \\(0\\).*1 to 8192'),
        (_field(0, "numDimensions", True), '"numDimensions" \\(True\\)'),
        (_field(0, "similarity", "Cosine"), "\"similarity\" \\('Cosine'\\)"),
        (_field(0, "path", 1), 'fields\\[0\\]" must be an object with a "path"'),
        *(
            (_field(0, "path", path), f'"path" .{re.escape(repr(path))}. of the vector')
            for path in ("", "a..b", "$a", "_id", "image", "image.sha256", "updated_at")
        ),
        (_field(0, "path", "embedded_by"), '"path" .* of the vector'),
        (_field(1, "type", "vector"), '"numDimensions" \\(None\\) of "_id"'),
        (_field(0, "type", "filter"), '"filterTypes" must give filter field "embedding"'),
    ],
)
def test_broken_rule_is_refused_naming_file_and_field(vector_file, change, message):
    with pytest.raises(ConfigError, match=f"index.json.*{message}"):
        read_index_file(vector_file(change))


def test_filter_type_of_an_undeclared_field_is_refused(vector_file):
    def change(content):
        content["filterTypes"]["brand"] = "token"

    with pytest.raises(ConfigError, match="brand"):
        read_index_file(vector_file(change))


def test_int8_goes_with_cosine_and_without_quantization_only(vector_file):
    def int8(content, **vector):
        content["vectorType"] = "int8"
        content["definition"]["fields"][0].update(vector)

    assert read_index_file(vector_file(int8)).vector_type == "int8"
    with pytest.raises(ConfigError, match="cosine"):
        read_index_file(vector_file(lambda content: int8(content, similarity="euclidean")))
    with pytest.raises(ConfigError, match="quantization"):
        read_index_file(vector_file(lambda content: int8(content, quantization="scalar")))


def test_int8_goes_with_no_knn_vector(tmp_path):
    content = json.loads((PROJECT_ROOT / "atlas/gallery_knn.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**content, "vectorType": "int8"}))

    with pytest.raises(ConfigError, match='"int8" needs type "vectorSearch"'):
        read_index_file(tmp_path / "index.json")


def test_missing_file_and_broken_json_are_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_index_file(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ConfigError, match="not valid JSON"):
        read_index_file(tmp_path / "broken.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ConfigError, match="not valid JSON"):
        read_index_file(tmp_path / "deep.json")
