import json

import pytest

from app.config import PROJECT_ROOT
from scripts.create_indexes import main

FILES = [str(PROJECT_ROOT / "atlas" / f"gallery_{kind}.json") for kind in ("knn", "vector")]


@pytest.fixture
def environment(settings, monkeypatch):
    monkeypatch.setenv("LOCAL_ATLAS_PATH", str(settings.local_atlas_path))
    monkeypatch.setenv("DATABASE", settings.database)


def test_both_files_are_created_and_a_second_run_changes_nothing(environment, collection, capsys):
    assert main([*FILES, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert main([*FILES, "--json"]) == 0
    second = json.loads(capsys.readouterr().out)

    assert first["collection"] == {collection.full_name: "created"}
    assert first["search indexes"] == {"gallery_knn": "created", "gallery_vector": "created"}
    names = ("image.sha256_1", "product_id_1", "embedded_by_1", "updated_at_1")
    assert first["ordinary indexes"] == dict.fromkeys(names, "created")
    for outcomes in second.values():
        assert set(outcomes.values()) == {"unchanged"}
    statuses = [entry["queryable"] for entry in collection.list_search_indexes()]
    assert statuses == [True, True]


def test_report_is_one_line_a_kind(environment, collection, capsys):
    main([FILES[0]])

    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"collection: {collection.full_name} created"
    assert out[1] == "search indexes: gallery_knn created"


def test_index_of_words_is_created_beside_that_of_vectors(
    environment, collection, monkeypatch, capsys
):
    monkeypatch.setenv("INDEX_FILE", FILES[1])
    text_file = PROJECT_ROOT / "atlas" / "gallery_hybrid_text.json"
    monkeypatch.setenv("LEXICAL_INDEX_FILE", str(text_file))

    assert main(["--json"]) == 0

    created = dict.fromkeys(("gallery_vector", "gallery_hybrid_text"), "created")
    assert json.loads(capsys.readouterr().out)["search indexes"] == created
    live = {entry["name"]: entry["type"] for entry in collection.list_search_indexes()}
    assert live == {"gallery_vector": "vectorSearch", "gallery_hybrid_text": "search"}


@pytest.mark.parametrize("timeout", ["nan", "inf", "-1", "soon"])
def test_timeout_that_never_comes_is_misuse(timeout, capsys):
    with pytest.raises(SystemExit) as exited:
        main([FILES[0], f"--timeout={timeout}"])

    assert exited.value.code == 2
    assert f"'{timeout}' must be a number of seconds from 0" in capsys.readouterr().err
