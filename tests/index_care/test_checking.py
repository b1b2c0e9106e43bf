import re
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from app.errors import ConfigError
from app.index_care.checking import check_definition
from app.lexical_indexes import read_any_index_file
from tests.index_care.definitions import knn_definition, vector_definition

FILE = Path("atlas/v.json")


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (
            vector_definition(quantization="weird"),
            '"definition.fields[0].quantization" must be one of [binary, none, scalar].',
        ),
        ({**vector_definition(), "nope": 1}, '"definition" unrecognized field "nope".'),
        (
            vector_definition("v"),
            '"definition.fields" Vector and filter fields should have distinct paths.',
        ),
        (
            knn_definition(2, kind={"type": "tokn"}),
            '"definition.mappings.fields.kind.type" must be one of [',
        ),
        (
            {**vector_definition(), "nestedRoot": "a"},
            'nestedRoot "a" does not match any vector field path in the index definition.',
        ),
    ],
)
def test_rule_of_the_search_server_is_told_with_the_field(make_index, definition, problem):
    index = make_index(definition)

    with pytest.raises(ConfigError, match=re.escape(f"Index file {FILE}: {problem}")):
        check_definition(index, FILE)


def test_what_only_atlas_knows_is_left_to_it(make_index):
    definition = vector_definition()
    definition["fields"].append({"type": "autoEmbed", "path": "t", "model": "m"})

    check_definition(make_index(definition), FILE)


@pytest.mark.parametrize(
    "file", sorted(PROJECT_ROOT.glob("atlas/*.json")), ids=lambda one: one.stem
)
def test_files_that_ship_are_good(file):
    check_definition(read_any_index_file(file), file)
