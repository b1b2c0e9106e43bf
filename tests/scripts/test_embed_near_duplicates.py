"""`scripts.embed_gallery --report-duplicates`, as its users see it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from scripts import create_indexes
from scripts._cli import run
from tests.ingest.pictures import save_gallery, save_picture
from tests.scripts.embedding import embed


@pytest.fixture
def gallery(tmp_path) -> Path:
    """Ten pictures, of which one is there again in a size that differs."""
    save_gallery(tmp_path / "gallery")
    with Image.open(tmp_path / "gallery/dress/004.png") as picture:
        picture.resize((48, 32)).save(tmp_path / "gallery/large.png")
    return tmp_path / "gallery"


def listed(path: str) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_after_a_run_and_alone_it_lists_the_same_pairs(ingestion, collection, gallery, capsys):
    run(create_indexes.main, [])
    capsys.readouterr()

    assert embed("--gallery", gallery, "--report-duplicates", "pairs.jsonl", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["near_duplicates"] == 1
    assert report["duplicates"] == 0
    (pair,) = listed("pairs.jsonl")
    assert set(pair["ids"]) == {"dress/004.png", "large.png"}
    assert pair["cosine"] >= 0.995

    assert embed("--report-duplicates", "alone.jsonl", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"near_duplicates": 1}
    assert [set(one["ids"]) for one in listed("alone.jsonl")] == [set(pair["ids"])]


def test_a_run_that_could_not_be_reported_on_does_not_begin(ingestion, collection, gallery, capsys):
    assert embed("--gallery", gallery, "--report-duplicates", "pairs.jsonl") == 1
    assert "searches through the index. Search index" in capsys.readouterr().err
    assert collection.estimated_document_count() == 0

    assert embed("--gallery", gallery, "--report-duplicates", "nowhere/pairs.jsonl") == 2
    assert "--report-duplicates nowhere/pairs.jsonl cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [["--drop"], ["--prune", "--yes"], ["--limit", "3"], []])
def test_what_needs_pictures_is_refused_alone(ingestion, flag, capsys):
    with pytest.raises(SystemExit) as end:
        embed(*(["--report-duplicates", "pairs.jsonl"] if flag else []), *flag)

    assert end.value.code == 2
    assert "--gallery" in capsys.readouterr().err


def test_nothing_alike_is_an_empty_file(ingestion, collection, tmp_path, capsys):
    save_picture(tmp_path / "one/1.png")
    run(create_indexes.main, [])
    Path("pairs.jsonl").write_text('{"ids": ["of", "earlier"], "cosine": 0.999}\n')

    assert embed("--gallery", tmp_path / "one", "--report-duplicates", "pairs.jsonl") == 0
    assert "0 pairs look nearly the same" in capsys.readouterr().out
    assert listed("pairs.jsonl") == []


def test_a_feed_that_is_named_by_mistake_is_not_written_over(
    ingestion, collection, gallery, capsys
):
    run(create_indexes.main, [])
    feed = gallery / "feed.jsonl"
    feed.write_text('{"image": "large.png"}\n')

    for flag in ("--report-duplicates", "--failed"):
        assert embed("--gallery", feed, flag, feed) == 2
        assert f"{flag} {feed} is there already" in capsys.readouterr().err
    assert feed.read_text() == '{"image": "large.png"}\n'
    assert collection.estimated_document_count() == 0

    assert embed("--gallery", gallery, "--report-duplicates", "pairs.jsonl") == 0
    assert embed("--report-duplicates", "pairs.jsonl") == 0
