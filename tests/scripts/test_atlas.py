import json

import pytest
from bson import Binary
from bson.binary import BinaryVectorDtype
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.operations import SearchIndexModel

from app.config import PROJECT_ROOT
from app.index_care import apply
from app.index_care.refusals import IndexRefused
from app.index_care.tuning import read_tuning
from app.indexes import read_index_file
from scripts import atlas
from scripts._cli import run
from tests import real_server

KNN = PROJECT_ROOT / "atlas" / "gallery_knn.json"
VECTOR = PROJECT_ROOT / "atlas" / "gallery_vector.json"


@pytest.fixture
def ask(settings, collection, monkeypatch, capsys):
    """Run a command as a shell does; return exit code, stdout and stderr."""
    monkeypatch.setenv("LOCAL_ATLAS_PATH", str(settings.local_atlas_path))
    monkeypatch.setenv("DATABASE", settings.database)

    def ask_it(*arguments):
        code = run(atlas.main, [str(one) for one in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ask_it


def test_index_is_planned_applied_and_looked_at(ask, collection):
    assert ask("plan", VECTOR)[1].startswith(f"gallery_vector on {collection.full_name}: create\n")
    code, out, _ = ask("apply", VECTOR, "--json")
    assert code == 0
    assert json.loads(out)["action"] == "create"
    assert ask("plan", VECTOR)[1].splitlines()[1] == "Nothing is to be done."

    assert ask("status")[1].splitlines() == [
        f"{collection.full_name}: 0 documents, 1 search index",
        "gallery_vector (vectorSearch) is READY, version 0. The newest definition answers.",
        "  vector embedding: 512, cosine",
        "  filters: _id, category, color, embedded_by, in_stock, price, product_id",
    ]


def test_any_collection_and_name_will_do(ask, settings, collection):
    code, out, _ = ask("apply", VECTOR, "--collection", "other", "--index", "mine", "--json")

    assert code == 0
    assert json.loads(out)["collection"] == f"{settings.database}.other"
    (entry,) = collection.database.other.list_search_indexes()
    assert (entry["name"], entry["type"]) == ("mine", "vectorSearch")
    code, out, _ = ask("status", "--collection", "other", "--index", "mine", "--json")
    (status,) = json.loads(out)["indexes"]
    assert (status["serves_latest"], status["latest_version"]) == (True, 0)


def test_index_that_is_not_there_is_an_error_that_lists_those_that_are(ask, collection):
    ask("apply", VECTOR)

    code, out, err = ask("status", "--index", "gallery")

    assert (code, out) == (1, "")
    assert err == (
        f"error: Search index gallery does not exist on {collection.full_name}, "
        f"which has: gallery_vector.\n"
    )


@pytest.mark.parametrize(
    ("good", "bad", "problem"),
    [
        ("512", "0", '"numDimensions" (0) of "embedding" must be an integer from 1 to 8192'),
        ('"fields"', '"nope": 1, "fields"', '"definition" unrecognized field "nope"'),
    ],
    ids=["of ours", "of the server's"],
)
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_bad_index_file_is_misuse_and_nothing_is_sent(
    ask, collection, tmp_path, command, good, bad, problem
):
    file = tmp_path / "bad.json"
    file.write_text(VECTOR.read_text().replace(good, bad))

    code, _, err = ask(command, file)

    assert code == 2
    assert problem in err
    assert collection.database.list_collection_names() == []


@pytest.mark.parametrize(
    ("flag", "value"), [("--database", "a b"), ("--collection", "$x")], ids=["database", "col"]
)
def test_name_that_cannot_be_is_misuse_that_names_the_flag(ask, flag, value):
    code, _, err = ask("status", flag, value)

    assert code == 2
    assert err.startswith(f"error: {flag} ({value!r}) must not hold")


def test_what_to_paste_is_printed_where_creating_is_refused(ask, collection, monkeypatch):
    collection.insert_one({})

    def refuse(collection, index):
        raise IndexRefused("No.", {"name": index.name})

    monkeypatch.setattr(apply, "_create", refuse)

    assert ask("apply", VECTOR) == (1, '{\n  "name": "gallery_vector"\n}\n', "error: No.\n")


@pytest.mark.parametrize(
    ("command", "method", "role"),
    [
        (["verify", "--index", "gallery_vector"], "aggregate", "read"),
        (["apply", VECTOR, "--collection", "new"], "list_collection_names", "readWrite"),
    ],
)
def test_user_without_a_right_is_told_which_role_to_ask_for(
    ask, collection, monkeypatch, command, method, role
):
    ask("apply", VECTOR)

    def refuse(*_, **__):
        raise OperationFailure("not authorized", 13)

    owner = Collection if method == "aggregate" else Database
    monkeypatch.setattr(owner, method, refuse)

    code, out, err = ask(*command)

    assert (code, out) == (1, "")
    assert "(not authorized): ask the administrator for" in err
    assert f"the role {role}" in err
    assert err.count("\n") == 1


def test_refused_creation_tells_that_the_collection_was_made(ask, collection, monkeypatch):
    def refuse(*_, **__):
        raise OperationFailure("not authorized", 13)

    monkeypatch.setattr(Collection, "create_search_index", refuse)

    _, out, err = ask("apply", VECTOR)

    assert json.loads(out)["name"] == "gallery_vector"
    assert err.endswith(f"{collection.full_name} was created, and is empty.\n")
    assert not ask("apply", VECTOR)[2].endswith("is empty.\n")


def vectors(*numbers):
    return [{"_id": number, "embedding": [1.0, *[0.0] * 510, float(number)]} for number in numbers]


def test_verify_lists_what_is_missing_and_fails(ask, collection, tmp_path):
    collection.insert_many([*vectors(1, 2), {"_id": "bad", "embedding": [1.0]}])
    ask("apply", VECTOR)
    file = tmp_path / "missing.jsonl"

    code, out, _ = ask("verify", "--index", "gallery_vector", "--list", file)

    assert code == 1
    assert "searchable with float32 queries: 2; missing: 1" in out
    detail = "has 1 dimensions, the index wants 512"
    missing = {"id": "bad", "reason": "wrong dimensions", "detail": detail}
    assert json.loads(file.read_text()) == missing
    collection.delete_one({"_id": "bad"})
    code, out, _ = ask("verify", "--index", "gallery_vector", "--compare", "--json")
    assert (code, json.loads(out)["searchable"]) == (0, 2)


def test_verify_asks_as_the_service_does_where_every_vector_is_of_another_type(
    ask, collection, monkeypatch
):
    monkeypatch.setenv("INDEX_FILE", str(VECTOR))
    int8 = Binary.from_vector([1] * 512, BinaryVectorDtype.INT8)
    collection.insert_many([{"embedding": int8} for _ in range(3)])
    ask("apply", VECTOR)

    code, out, _ = ask("verify", "--json")

    assert code == 1
    assert json.loads(out)["reasons"] == {"wrong type": 3}


def test_refused_migration_writes_no_file(ask, collection, tmp_path):
    ask("apply", VECTOR)

    code, _, err = ask("migrate", "--index", "gallery_vector", "--to", tmp_path / "new.json")

    assert code == 1
    assert "leads from search to vectorSearch" in err
    assert not (tmp_path / "new.json").exists()


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--limit", "10000"), "--limit (10,000) must be below 10,000"),
        (("--vectors", "none.jsonl"), "none.jsonl is empty"),
    ],
)
def test_tune_that_cannot_be_asked_for_is_misuse(
    ask, collection, tmp_path, monkeypatch, flags, problem
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none.jsonl").write_text("")
    collection.insert_many([{"embedding": [1.0, *[0.5] * 511]} for _ in range(4)])
    ask("apply", VECTOR)

    code, _, err = ask("tune", "--index", "gallery_vector", *flags)

    assert code == 2
    assert problem in err


def test_list_that_cannot_be_written_is_misuse(ask, collection, tmp_path):
    collection.insert_many(vectors(1))
    ask("apply", VECTOR)

    code, _, err = ask("verify", "--index", "gallery_vector", "--list", tmp_path)

    assert code == 2
    assert err == f"error: {tmp_path} cannot be written: Is a directory.\n"


def test_tune_writes_the_file_that_the_service_reads(ask, collection, tmp_path):
    collection.insert_many(vectors(*range(30)))
    ask("apply", VECTOR)
    file = tmp_path / "tuning.json"

    code, out, _ = ask("tune", "--index", "gallery_vector", "--queries", "6", "--write", file)

    assert code == 0
    assert out.startswith(f"gallery_vector on {collection.full_name}: 30 documents, 6 queries")
    assert read_tuning(file, read_index_file(VECTOR)).documents == 30


@pytest.mark.parametrize("recall", ["0", "1.1", "nan", "much"])
def test_target_recall_that_cannot_be_is_misuse(ask, recall):
    with pytest.raises(SystemExit) as exited:
        ask("tune", "--target-recall", recall)

    assert exited.value.code == 2


def test_vector_field_must_be_named_where_there_are_several(ask, collection):
    vector = {"type": "vector", "numDimensions": 2, "similarity": "cosine"}
    fields = [{**vector, "path": "a"}, {**vector, "path": "b"}]
    collection.insert_one({"_id": 1, "b": [1, 2]})
    model = SearchIndexModel({"fields": fields}, name="two", type="vectorSearch")
    collection.create_search_index(model)
    real_server.poll(lambda: next(iter(collection.list_search_indexes()))["queryable"])

    code, _, err = ask("verify", "--index", "two")

    assert (code, err) == (
        1,
        "error: Search index two has the vector fields a, b; --path must name one of them.\n",
    )
    assert ask("verify", "--index", "two", "--path", "b")[0] == 0


def test_migrate_writes_the_file_and_leads_there_and_back(ask, collection, tmp_path):
    collection.insert_many(vectors(*range(20)))
    ask("apply", KNN)
    file = tmp_path / "new.json"
    arguments = ("migrate", "--index", "gallery_knn", "--to", file, "--json")

    code, out, _ = ask(*arguments)
    assert (code, json.loads(out)["same_answers"]) == (0, 20)
    assert read_index_file(file).name == "new"
    code, out, _ = ask(*arguments, "--convert")
    assert (code, json.loads(out)["converted"]) == (0, 20)
    assert isinstance(collection.find_one()["embedding"], Binary)
    code, out, _ = ask(*arguments, "--back")
    assert (code, json.loads(out)["converted"]) == (0, 20)
    assert isinstance(collection.find_one()["embedding"], list)
    names = {entry["name"] for entry in collection.list_search_indexes()}
    assert names == {"gallery_knn", "new"}
