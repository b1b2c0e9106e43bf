import dataclasses
import json

import pytest

from app.config import PROJECT_ROOT
from app.errors import BadRequest, ItemNotFound
from scripts import search_gallery
from tests.fakes import FakeEmbedder
from tests.galleries import draw_item, fill_gallery


@pytest.fixture
def gallery(settings, collection, monkeypatch):
    monkeypatch.setenv("LOCAL_ATLAS_PATH", str(settings.local_atlas_path))
    monkeypatch.setenv("DATABASE", settings.database)
    embedder = FakeEmbedder(dimensions=512)
    monkeypatch.setattr(search_gallery, "load_embedder", lambda *_, **__: embedder)
    fill_gallery(collection, settings, embedder)


def test_item_gives_a_table_best_first(gallery, capsys):
    assert search_gallery.main(["--id", "navy", "--limit", "2"]) == 0

    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["score", "id", "category", "color", "price", "title"]
    assert first.split()[1] == "blue"
    assert float(first.split()[0]) >= float(second.split()[0])


def test_image_and_filter_give_json(gallery, tmp_path, capsys):
    draw_item("crimson").save(tmp_path / "query.png")

    search_gallery.main(
        ["--image", str(tmp_path / "query.png"), "--filter", '{"category": "shirt"}', "--json"]
    )

    hits = json.loads(capsys.readouterr().out)
    assert {hit["item"]["category"] for hit in hits} == {"shirt"}


def test_text_is_searched(gallery, capsys):
    assert search_gallery.main(["--text", "red", "--limit", "1"]) == 0

    assert len(capsys.readouterr().out.splitlines()) == 2


def test_text_is_searched_by_its_words_where_the_model_understands_none(
    settings, collection, monkeypatch, capsys
):
    words = PROJECT_ROOT / "atlas" / "gallery_hybrid_text.json"
    monkeypatch.setenv("LOCAL_ATLAS_PATH", str(settings.local_atlas_path))
    monkeypatch.setenv("DATABASE", settings.database)
    monkeypatch.setenv("LEXICAL_INDEX_FILE", str(words))
    embedder = FakeEmbedder(dimensions=512, supports_text=False)
    monkeypatch.setattr(search_gallery, "load_embedder", lambda *_, **__: embedder)
    fill_gallery(
        collection, dataclasses.replace(settings, lexical_index_file=words), FakeEmbedder()
    )

    assert search_gallery.main(["--text", "crimson dress", "--limit", "1"]) == 0

    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].split()[1] == "crimson"
    assert "by their words" in captured.err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--id", "none"], ItemNotFound),
        (["--id", "navy", "--limit", "0"], BadRequest),
        (["--id", "navy", "--filter", "{"], BadRequest),
    ],
)
def test_bad_input_is_refused(gallery, arguments, error):
    with pytest.raises(error):
        search_gallery.main(arguments)
