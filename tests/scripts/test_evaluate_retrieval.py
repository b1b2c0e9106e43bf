import json
from pathlib import Path

import pytest
from PIL import Image

from app.config import PROJECT_ROOT, Settings
from scripts import evaluate_retrieval
from scripts._cli import run
from tests.fakes import FakeEmbedder

# Two classes by colour; one blue thing is called a shirt, one red thing a dress.
GALLERY = {
    "dress": ["#ff0000", "#f00808", "#e01010", "#0000ff"],
    "shirt": ["#0808f0", "#1010e0"],
    "hat": ["#00ff00"],
}


@pytest.fixture(
    params=["gallery_knn.json", "gallery_vector.json", "gallery_vector_int8.json"],
    ids=["knn", "vector", "int8"],
)
def environment(settings: Settings, monkeypatch, request):
    monkeypatch.setenv("LOCAL_ATLAS_PATH", str(settings.local_atlas_path))
    monkeypatch.setenv("DATABASE", settings.database)
    monkeypatch.setenv("INDEX_FILE", str(PROJECT_ROOT / "atlas" / request.param))
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.setattr(
        evaluate_retrieval, "load_embedder", lambda model, **_: FakeEmbedder(name=model)
    )
    return monkeypatch


def save(root: Path, classes: dict[str, list[str]]) -> Path:
    for name, colors in classes.items():
        (root / name).mkdir(parents=True)
        for i, color in enumerate(colors):
            Image.new("RGB", (16, 16), color).save(root / name / f"{i}.png")
    return root


def evaluate(*arguments: object) -> int:
    return run(evaluate_retrieval.main, [str(one) for one in arguments])


def collections_of(collection) -> list[str]:
    return collection.database.list_collection_names()


def test_the_figures_are_those_of_the_ranking(environment, collection, tmp_path, capsys):
    gallery = save(tmp_path / "gallery", GALLERY)
    queries = save(tmp_path / "queries", {"dress": ["#ff0404"], "shirt": ["#0c0cff"]})

    code = evaluate("--gallery", gallery, "--queries", queries, "--json")

    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert report["gallery"] == 7
    assert (report["classes"], report["queries"]) == (3, 2)
    # The red dress finds the three red ones, then a shirt: 3 of 4. The blue shirt finds the blue
    # dress first, then a shirt: half of a half.
    assert report["recall_at_1"] == 0.5
    assert report["precision_at_10"] == pytest.approx((4 / 10 + 2 / 10) / 2)
    assert report["map_at_r"] == pytest.approx((3 / 4 + 1 / 4) / 2)
    assert report["seconds"] > 0
    assert report["bytes_per_document"] > 512
    assert collections_of(collection) == []


def test_a_perfect_model_scores_1(environment, collection, tmp_path, capsys):
    classes = {"red": ["#ff0000", "#fe0000"], "green": ["#00ff00", "#00fe00"]}
    gallery = save(tmp_path / "gallery", classes)
    queries = save(tmp_path / "queries", {"red": ["#fd0000"], "green": ["#00fd00"]})

    evaluate("--gallery", gallery, "--queries", queries, "--json")

    report = json.loads(capsys.readouterr().out)
    assert report["recall_at_1"] == report["map_at_r"] == 1
    assert report["precision_at_10"] == pytest.approx(0.2)


def test_classes_larger_than_any_page_are_asked_for_in_full(
    environment, collection, tmp_path, capsys
):
    reds = [f"#ff{i:02x}00" for i in range(60)] + [f"#fe{i:02x}00" for i in range(60)]
    gallery = save(tmp_path / "gallery", {"red": reds, "blue": ["#0000ff"] * 3})
    queries = save(tmp_path / "queries", {"red": ["#ff0001"]})

    evaluate("--gallery", gallery, "--queries", queries, "--json")

    assert json.loads(capsys.readouterr().out)["map_at_r"] == 1


def test_keep_leaves_a_collection_that_is_named(environment, collection, tmp_path, capsys):
    gallery = save(tmp_path / "gallery", GALLERY)
    queries = save(tmp_path / "queries", {"dress": ["#ff0404"]})

    evaluate("--gallery", gallery, "--queries", queries, "--keep", "--json")

    report = json.loads(capsys.readouterr().out)
    (kept,) = collections_of(collection)
    assert report["collection"] == f"{collection.database.name}.{kept}"
    assert collection.database[kept].estimated_document_count() == 7


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_collection_is_dropped_when_the_run_breaks_off(
    environment, collection, tmp_path, error
):
    gallery = save(tmp_path / "gallery", GALLERY)
    queries = save(tmp_path / "queries", {"dress": ["#ff0404"]})

    def break_off(*arguments, **options):
        assert len(collections_of(collection)) == 1
        raise error

    environment.setattr(evaluate_retrieval, "measure_retrieval", break_off)
    if error is RuntimeError:
        with pytest.raises(RuntimeError):
            evaluate("--gallery", gallery, "--queries", queries)
    else:
        assert evaluate("--gallery", gallery, "--queries", queries) == 130

    assert collections_of(collection) == []


def test_what_is_left_out_is_counted(environment, collection, tmp_path, capsys):
    gallery = save(tmp_path / "gallery", GALLERY)
    queries = save(tmp_path / "queries", {"dress": ["#ff0404"], "socks": ["#123456"]})
    (gallery / "dress" / "bad.png").write_bytes(b"")
    (queries / "dress" / "bad.png").write_bytes(b"")
    Image.new("RGB", (8, 8)).save(queries / "without a class.png")

    code = evaluate("--gallery", gallery, "--queries", queries, "--json")

    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert report["gallery_failed"] == 1
    assert report["queries"] == 1
    assert report["queries_failed"] == 2
    assert report["queries_without_relevant"] == 1


def test_queries_that_find_nothing_are_one_sentence(environment, collection, tmp_path, capsys):
    gallery = save(tmp_path / "gallery", GALLERY)
    queries = save(tmp_path / "queries", {"socks": ["#123456"]})

    assert evaluate("--gallery", gallery, "--queries", queries) == 1
    assert "error: No query has a category that the gallery has" in capsys.readouterr().err
    assert collections_of(collection) == []


def test_the_gallery_is_no_set_of_queries(environment, tmp_path, capsys):
    gallery = save(tmp_path / "gallery", GALLERY)

    assert evaluate("--gallery", gallery, "--queries", gallery) == 2
    assert "each finds itself first" in capsys.readouterr().err
