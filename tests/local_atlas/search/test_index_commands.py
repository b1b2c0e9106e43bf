"""createSearchIndexes, updateSearchIndex, dropSearchIndex and the two ways to list."""

import re
from datetime import datetime
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.operations import SearchIndexModel

from tests import real_server
from tests.local_atlas.search.asking import (
    Documents,
    command_refusal,
    ids,
    refusal,
    search_definition,
    vector_definition,
    vector_search,
    wait_until_ready,
)
from tests.local_atlas.search.wording import assert_answer, assert_command_refused

VECTOR = {"name": "v", "type": "vectorSearch", "definition": vector_definition("f")}
SEARCH = {"name": "s", "definition": search_definition()}


@pytest.fixture
def collection(db: Database[dict[str, Any]]) -> Documents:
    return db.create_collection("c")


def create(collection: Documents, *specifications: dict[str, Any]) -> list[dict[str, Any]]:
    reply = collection.database.command(
        "createSearchIndexes", collection.name, indexes=list(specifications)
    )
    created: list[dict[str, Any]] = reply["indexesCreated"]
    return created


def names(collection: Documents) -> list[str]:
    """Return the names of the indexes; a server may go on listing one that it deletes."""
    entries = collection.list_search_indexes()
    return [entry["name"] for entry in entries if entry["status"] != "DELETING"]


def test_several_indexes_are_created_in_the_order_of_the_request(collection: Documents) -> None:
    created = create(collection, VECTOR, SEARCH, {"definition": search_definition()})

    assert [one["name"] for one in created] == ["v", "s", "default"]
    assert all(re.fullmatch("[0-9a-f]{24}", one["id"]) for one in created)
    assert names(collection) == ["v", "s", "default"]


def test_pymongo_helpers_work(collection: Documents) -> None:
    model = SearchIndexModel(definition=vector_definition(), name="v", type="vectorSearch")

    assert collection.create_search_index(model) == "v"
    wait_until_ready(collection, "v")
    collection.update_search_index("v", vector_definition("f"))
    assert wait_until_ready(collection, "v")["latestDefinition"] == vector_definition("f")
    collection.drop_search_index("v")
    assert names(collection) == []


def test_an_equal_index_is_created_again_without_effect(collection: Documents) -> None:
    (first,) = create(collection, VECTOR)
    explicit = vector_definition("f", quantization="none", indexingMethod="hnsw")

    (second,) = create(collection, {**VECTOR, "definition": explicit})

    assert re.fullmatch("[0-9a-f]{24}", second["id"])
    (entry,) = collection.list_search_indexes()
    assert entry["id"] == first["id"]
    assert entry["latestDefinition"] == VECTOR["definition"]
    assert entry["latestDefinitionVersion"]["version"] == 0


@pytest.mark.parametrize(
    "change", [{"storedSource": False}, {"nestedRoot": "parts"}], ids=["storedSource", "nestedRoot"]
)
def test_a_change_of_other_parts_passes_for_the_same_vector_index(
    collection: Documents, change: dict[str, Any]
) -> None:
    definition = vector_definition("f", path="parts.v")
    create(collection, {**VECTOR, "definition": definition})

    create(collection, {**VECTOR, "definition": {**definition, **change}})

    (entry,) = collection.list_search_indexes()
    assert entry["latestDefinition"] == definition


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({**VECTOR, "definition": vector_definition("g")}, id="other fields"),
        pytest.param({"name": "v", "definition": search_definition()}, id="other type"),
        pytest.param(
            {**VECTOR, "definition": vector_definition("f", quantization="scalar")},
            id="other options of a field",
        ),
        pytest.param(
            {**VECTOR, "definition": {**vector_definition("f"), "numPartitions": 2}},
            id="other partitions",
        ),
    ],
)
def test_another_definition_under_the_same_name_creates_nothing_of_the_batch(
    collection: Documents, other: dict[str, Any]
) -> None:
    create(collection, VECTOR)

    assert_command_refused(
        collection,
        "createSearchIndexes",
        {"indexes": [SEARCH, other]},
        (68, "Index v already exists with a different definition. Drop it first if needed."),
    )
    assert names(collection) == ["v"]


def test_a_bad_definition_creates_nothing_of_the_batch(collection: Documents) -> None:
    assert_command_refused(
        collection,
        "createSearchIndexes",
        {"indexes": [SEARCH, {"name": "b", "definition": {}}]},
        (8, '"userCommand.indexes[1].mappings" is required'),
    )
    assert names(collection) == []


def test_one_name_twice_in_a_batch_is_refused(collection: Documents) -> None:
    code, text = command_refusal(collection, "createSearchIndexes", indexes=[SEARCH, SEARCH])

    text = re.sub("[0-9a-f]{24}$", "<id>", text)
    assert_answer((code, text), (125, "duplicate index names for the same collection: <id>"))
    assert names(collection) == []


COMMAND_REFUSALS = [
    pytest.param(
        "createSearchIndexes",
        {},
        (40414, "BSON field 'createSearchIndexes.indexes' is missing but a required field"),
        id="create without indexes",
    ),
    pytest.param(
        "createSearchIndexes",
        {"indexes": [{"name": "a"}]},
        (
            40414,
            "BSON field 'createSearchIndexes.indexes.definition' is missing but a required field",
        ),
        id="create without definition",
    ),
    pytest.param(
        "createSearchIndexes",
        {"indexes": [{**SEARCH, "x": 1}]},
        (40415, "BSON field 'createSearchIndexes.indexes.x' is an unknown field."),
        id="unknown key of an index",
    ),
    pytest.param(
        "createSearchIndexes",
        {"indexes": [SEARCH, 5]},
        (
            14,
            "BSON field 'createSearchIndexes.indexes.1' is the wrong type 'int', "
            "expected type 'object'",
        ),
        id="an index that is no document",
    ),
    pytest.param(
        "createSearchIndexes",
        {"indexes": [{**SEARCH, "name": 5}]},
        (
            14,
            "BSON field 'createSearchIndexes.indexes.name' is the wrong type 'int', "
            "expected type 'string'",
        ),
        id="name is no string",
    ),
    pytest.param(
        "createSearchIndexes",
        {"indexes": [{**SEARCH, "type": "vector"}]},
        (8, '"userCommand.indexes[0].type" must be one of [search, vectorSearch]'),
        id="unknown type",
    ),
    pytest.param(
        "updateSearchIndex",
        {"definition": {}},
        (72, "Must set either 'name' or 'id'."),
        id="update of neither",
    ),
    pytest.param(
        "updateSearchIndex",
        {"definition": {}, "name": "a", "id": "b"},
        (72, "Cannot set both 'name' and 'id'."),
        id="update of both",
    ),
    pytest.param(
        "updateSearchIndex",
        {"name": "a"},
        (40414, "BSON field 'updateSearchIndex.definition' is missing but a required field"),
        id="update without definition",
    ),
    pytest.param(
        "dropSearchIndex",
        {},
        (8, "one of [id, name] must be present"),
        id="drop of neither",
    ),
    pytest.param(
        "dropSearchIndex",
        {"id": "b"},
        (8, '"userCommand.id" must be a ObjectId'),
        id="drop by what is no id",
    ),
    pytest.param(
        "dropSearchIndex",
        {"name": "a", "id": "b"},
        (72, "Cannot set both 'name' and 'id'."),
        id="drop of both",
    ),
    pytest.param(
        "listSearchIndexes",
        {"name": "a", "id": "b"},
        (72, "Cannot set both 'name' and 'id'."),
        id="list of both",
    ),
]


@pytest.mark.parametrize(("command", "fields", "answer"), COMMAND_REFUSALS)
def test_command_is_refused(
    collection: Documents, command: str, fields: dict[str, Any], answer: tuple[int, str]
) -> None:
    assert_command_refused(collection, command, fields, answer)


COMMANDS = [
    pytest.param("createSearchIndexes", {"indexes": [SEARCH]}, id="create"),
    pytest.param("updateSearchIndex", {"name": "a", "definition": {}}, id="update"),
    pytest.param("dropSearchIndex", {"name": "a"}, id="drop"),
    pytest.param("listSearchIndexes", {}, id="list"),
]


@pytest.mark.parametrize(("command", "fields"), COMMANDS)
def test_no_command_takes_a_read_or_write_concern(
    collection: Documents, command: str, fields: dict[str, Any]
) -> None:
    assert_command_refused(
        collection,
        command,
        {**fields, "writeConcern": {"w": 1}},
        (72, "Command does not support writeConcern"),
    )
    assert_command_refused(
        collection,
        command,
        {**fields, "readConcern": {"level": "majority"}},
        (
            72,
            f'Command {command} does not support {{ readConcern: {{ level: "majority", '
            'provenance: "clientSupplied" } } :: caused by :: read concern not supported',
        ),
    )


def test_drivers_take_a_drop_from_a_missing_collection_for_done(
    db: Database[dict[str, Any]],
) -> None:
    db.nothing.drop_search_index("v")


@pytest.mark.parametrize(("command", "fields"), COMMANDS)
def test_a_missing_collection_is_refused_by_commands(
    db: Database[dict[str, Any]], command: str, fields: dict[str, Any]
) -> None:
    answer = 26, f"Collection '{db.name}.nothing' does not exist."

    assert_command_refused(db.nothing, command, fields, answer)


def test_a_missing_collection_is_empty_for_the_stage(db: Database[dict[str, Any]]) -> None:
    assert list(db.nothing.list_search_indexes()) == []


@pytest.mark.parametrize("command", ["updateSearchIndex", "dropSearchIndex"])
@pytest.mark.parametrize("selector", [{"name": "x"}, {"id": "0" * 24}], ids=["name", "id"])
def test_a_missing_index_is_named(
    collection: Documents, command: str, selector: dict[str, str]
) -> None:
    fields: dict[str, Any] = dict(selector)
    if command == "updateSearchIndex":
        fields["definition"] = search_definition()
    ((kind, value),) = selector.items()
    text = f"No index with {kind} {value} exists in namespace {collection.full_name}"

    assert_command_refused(collection, command, fields, (27, text))


def test_the_type_of_an_index_cannot_be_changed(collection: Documents) -> None:
    create(collection, VECTOR)

    assert_command_refused(
        collection,
        "updateSearchIndex",
        {"name": "v", "type": "search", "definition": search_definition()},
        (197, "An index's type cannot be changed"),
    )


def test_an_update_raises_the_version_even_where_nothing_changes(collection: Documents) -> None:
    (created,) = create(collection, VECTOR)
    first = wait_until_ready(collection, "v")

    collection.update_search_index("v", VECTOR["definition"])

    second = wait_until_ready(collection, "v")
    assert second["id"] == created["id"]
    assert second["latestDefinitionVersion"]["version"] == 1
    assert (
        first["latestDefinitionVersion"]["createdAt"]
        <= second["latestDefinitionVersion"]["createdAt"]
    )


def test_an_index_answers_all_the_while_it_is_updated(collection: Documents) -> None:
    collection.insert_many([{"_id": i, "v": [i, 0], "f": i} for i in range(3)])
    create(collection, {**VECTOR, "name": "default", "definition": vector_definition()})
    wait_until_ready(collection)

    collection.update_search_index("default", vector_definition("f"))

    def is_ready() -> bool:
        (entry,) = collection.list_search_indexes()
        assert (entry["queryable"], ids(vector_search(collection))) == (True, [0, 1, 2])
        return entry["status"] == "READY"

    real_server.poll(is_ready)
    wait_until_ready(collection)
    assert ids(vector_search(collection, filter={"f": 1})) == [1]


CODE_NAMES = [
    pytest.param("updateSearchIndex", {"name": "v", "definition": {}}, "CommandFailed", id="125"),
    pytest.param("updateSearchIndex", {"definition": {}}, "InvalidOptions", id="72"),
    pytest.param("dropSearchIndex", {"name": "x"}, "IndexNotFound", id="27"),
    pytest.param("dropSearchIndex", {}, "UnknownError", id="8"),
    pytest.param(
        "updateSearchIndex",
        {"name": "v", "type": "search", "definition": search_definition()},
        "InvalidIndexSpecificationOption",
        id="197",
    ),
    pytest.param(
        "createSearchIndexes",
        {"indexes": [{"name": "v", "definition": search_definition()}]},
        "IndexAlreadyExists",
        id="68",
    ),
    pytest.param("createSearchIndexes", {}, "IDLFailedToParse", id="40414"),
    pytest.param("dropSearchIndex", {"x": 1}, "IDLUnknownField", id="40415"),
]


@pytest.mark.local_atlas_only  # the management side of Atlas has codes of its own
@pytest.mark.parametrize(("command", "fields", "name"), CODE_NAMES)
def test_codes_have_their_names(
    collection: Documents, command: str, fields: dict[str, Any], name: str
) -> None:
    create(collection, VECTOR)

    with pytest.raises(OperationFailure) as refused:
        collection.database.command(command, "c", **fields)

    assert (refused.value.details or {})["codeName"] == name


def test_an_index_is_dropped_by_id(collection: Documents) -> None:
    (created,) = create(collection, VECTOR)

    collection.database.command("dropSearchIndex", "c", id=created["id"])

    assert names(collection) == []


def test_an_entry_has_the_documented_fields(collection: Documents) -> None:
    (created,) = create(collection, VECTOR)

    entry = wait_until_ready(collection, "v")

    assert {
        "id",
        "name",
        "status",
        "queryable",
        "latestDefinitionVersion",
        "latestDefinition",
        "statusDetail",
    } <= set(entry)
    assert entry["type"] == "vectorSearch"
    assert (entry["id"], entry["status"], entry["queryable"]) == (created["id"], "READY", True)
    assert entry["latestDefinitionVersion"]["version"] == 0
    assert isinstance(entry["latestDefinitionVersion"]["createdAt"], datetime)
    for host in entry["statusDetail"]:
        assert (host["status"], host["queryable"]) == ("READY", True)
        assert host["mainIndex"]["status"] == "READY"
        assert host["mainIndex"]["definitionVersion"]["version"] == 0
        assert host["mainIndex"]["definition"] == VECTOR["definition"]


def test_list_command_and_stage_select_by_name_and_id(collection: Documents) -> None:
    created = create(collection, VECTOR, SEARCH)

    reply = collection.database.command("listSearchIndexes", "c", name="s")
    (stage,) = collection.aggregate([{"$listSearchIndexes": {"id": created[0]["id"]}}])

    assert [one["name"] for one in reply["cursor"]["firstBatch"]] == ["s"]
    assert reply["cursor"]["ns"] == collection.full_name
    assert reply["cursor"]["id"] == 0
    assert stage["name"] == "v"
    assert list(collection.aggregate([{"$listSearchIndexes": {"name": "nothing"}}])) == []


LIST_REFUSALS = [
    pytest.param({"name": "a", "id": "b"}, (72, "Cannot set both 'name' and 'id'."), id="both"),
    pytest.param(
        {"x": 1}, (40415, "BSON field '$listSearchIndexes.x' is an unknown field."), id="unknown"
    ),
    pytest.param(
        "v",
        (9, "The $listSearchIndexes stage specification must be an object. Found: string"),
        id="no object",
    ),
]


@pytest.mark.parametrize(("spec", "answer"), LIST_REFUSALS)
def test_list_stage_is_refused(collection: Documents, spec: Any, answer: tuple[int, str]) -> None:
    assert refusal(collection, {"$listSearchIndexes": spec}) == answer


@pytest.mark.local_atlas_only  # no real server takes a definition of this size
def test_a_list_of_more_than_16_mb_is_refused(collection: Documents) -> None:
    large = {"definition": {**search_definition(), "comment": "x" * 5 * 2**20}}
    for name in ("a", "b"):
        create(collection, {"name": name, **large})

    text = "The requested indexes are too large. Try narrowing your filter."
    assert refusal(collection, {"$listSearchIndexes": {}}) == (396, text)
    assert command_refusal(collection, "listSearchIndexes") == (396, text)
    assert [entry["name"] for entry in collection.list_search_indexes("b")] == ["b"]


def test_dropping_a_collection_loses_its_indexes(db: Database[dict[str, Any]]) -> None:
    collection = db.create_collection("c")
    create(collection, VECTOR)

    collection.drop()
    db.create_collection("c")

    assert names(collection) == []
    with pytest.raises(OperationFailure, match="No index with name v exists"):
        collection.drop_search_index("v")
