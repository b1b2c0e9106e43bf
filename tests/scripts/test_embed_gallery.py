import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from scripts import embed_gallery
from tests.fakes import FakeEmbedder
from tests.ingest.pictures import save_gallery, save_picture
from tests.scripts.embedding import embed, report_of


@pytest.fixture
def gallery(tmp_path) -> Path:
    save_gallery(tmp_path / "gallery")
    return tmp_path / "gallery"


def counts(report: dict) -> tuple[int, ...]:
    return tuple(report[name] for name in ("read", "written", "unchanged", "failed"))


def test_the_report_is_the_only_thing_on_stdout(ingestion, collection, gallery, capsys):
    code = embed("--gallery", gallery, "--json")

    report = report_of(capsys)
    assert code == 0
    assert counts(report) == (10, 10, 0, 0)
    assert report["seconds"] > 0
    assert report["precision"] == "fp32"
    assert collection.estimated_document_count() == 10
    assert os.listdir() == []


def test_without_json_the_report_is_sentences(ingestion, collection, gallery, capsys):
    embed("--gallery", gallery)

    told = capsys.readouterr().out
    assert "read 10 = written 10 + unchanged 0 + failed 0" in told
    assert "embedded in fp32" in told

    embed("--gallery", gallery)
    assert "embedded in" not in capsys.readouterr().out


def test_vectors_of_another_type_are_refused_and_dropped_only_when_asked(
    ingestion, collection, gallery, capsys
):
    ingestion.setenv("INDEX_FILE", str(PROJECT_ROOT / "atlas/gallery_vector.json"))
    embed("--gallery", gallery, "--json")
    large = report_of(capsys)["bytes_per_document"]
    ingestion.setenv("INDEX_FILE", str(PROJECT_ROOT / "atlas/gallery_vector_int8.json"))

    for arguments in ([], ["--replace-model"], ["--dry-run"]):
        assert embed("--gallery", gallery, *arguments) == 2
        assert "holds float32 vectors at 'embedding'" in capsys.readouterr().err
    assert embed("--gallery", gallery, "--drop", "--json") == 0

    assert large - report_of(capsys)["bytes_per_document"] == 3 * 512


def test_a_second_run_leaves_everything_alone(ingestion, collection, gallery, capsys):
    embed("--gallery", gallery, "--json")
    report_of(capsys)

    code = embed("--gallery", gallery, "--json")

    assert code == 0
    assert counts(report_of(capsys)) == (10, 0, 10, 0)


def test_failures_are_listed_and_the_exit_code_is_1(ingestion, collection, gallery, capsys):
    (gallery / "broken.jpg").write_bytes(b"")

    code = embed("--gallery", gallery, "--json")

    assert code == 1
    assert counts(report_of(capsys)) == (11, 10, 0, 1)
    assert json.loads(Path("failed.jsonl").read_text()) == {
        "id": "broken.jpg",
        "source": str(gallery / "broken.jpg"),
        "reason": "The picture is empty (0 bytes).",
        "retryable": False,
    }


def test_a_feed_cannot_reach_this_machine_and_leaves_no_secret_behind(
    ingestion, collection, gallery, capsys
):
    url = "https://127.0.0.1:8443/1.png"
    rows = [
        {"_id": "a", "image": f"{url}?token=secret"},
        {"_id": "b", "image": "https://me:secret@shop.example/1.png"},
        {"_id": "c", "image": "http://shop.example/1.png?token=secret"},
    ]
    (gallery / "feed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    code = embed("--gallery", gallery / "feed.jsonl", "--json")

    assert code == 1
    output = capsys.readouterr()
    assert counts(json.loads(output.out)) == (3, 0, 0, 3)
    listed = [json.loads(line) for line in Path("failed.jsonl").read_text().splitlines()]
    assert listed[0] == {
        "id": "a",
        "source": url,
        "reason": "The host 127.0.0.1 is at an address which is no public address of the internet.",
        "retryable": False,
    }
    assert "holds a user or a password" in listed[1]["reason"]
    assert "expected https://" in listed[2]["reason"]
    assert "secret" not in output.out + output.err + str(listed)


def test_a_run_without_failures_removes_the_old_list(ingestion, collection, gallery):
    broken = gallery / "broken.jpg"
    broken.write_bytes(b"")
    embed("--gallery", gallery, "--failed", "list.jsonl")
    assert Path("list.jsonl").exists()
    broken.unlink()

    assert embed("--gallery", gallery, "--failed", "list.jsonl") == 0
    assert not Path("list.jsonl").exists()


def test_limit_counts_rows(ingestion, collection, gallery, capsys):
    embed("--gallery", gallery, "--limit", 3, "--json")

    assert counts(report_of(capsys)) == (3, 3, 0, 0)
    assert sorted(collection.distinct("_id")) == sorted(
        f"dress/{name}.png" for name in ("000", "002", "004")
    )


def test_a_dry_run_writes_no_document(ingestion, collection, gallery, capsys):
    embed("--gallery", gallery, "--dry-run", "--json")

    report = report_of(capsys)
    assert report["is_dry_run"]
    assert report["precision"] is None
    assert counts(report) == (10, 10, 0, 0)
    assert collection.estimated_document_count() == 0


def test_drop_deletes_what_was_there_and_keeps_indexes(ingestion, collection, gallery, capsys):
    collection.insert_one({"_id": "old", "embedded_by": "another model"})
    collection.create_index("product_id")

    code = embed("--gallery", gallery, "--drop", "--json")

    assert code == 0
    assert collection.estimated_document_count() == 10
    assert collection.find_one({"_id": "old"}) is None
    assert "product_id_1" in collection.index_information()


def test_drop_deletes_nothing_when_the_model_cannot_be_loaded(ingestion, collection, gallery):
    collection.insert_one({"_id": "old"})
    embedder = FakeEmbedder()
    embedder.fails_to_load = True
    ingestion.setattr(embed_gallery, "load_embedder", lambda model, **_: embedder)

    assert embed("--gallery", gallery, "--drop") == 1
    assert collection.find_one({"_id": "old"}) is not None


def test_another_model_is_refused_without_replace_model(ingestion, collection, gallery, capsys):
    embed("--gallery", gallery, "--limit", 5)
    capsys.readouterr()

    code = embed("--gallery", gallery, "--model", "other")

    output = capsys.readouterr()
    assert code == 2
    assert output.out == ""
    assert "--replace-model" in output.err
    assert len(collection.distinct("embedded_by")) == 1
    assert embed("--gallery", gallery, "--model", "other", "--replace-model", "--json") == 0
    assert counts(report_of(capsys)) == (10, 10, 0, 0)
    assert collection.distinct("embedded_by") == [FakeEmbedder(name="other").fingerprint]


def test_batch_size_is_that_of_the_model(ingestion, collection, gallery):
    embedder = FakeEmbedder()
    ingestion.setattr(embed_gallery, "load_embedder", lambda model, **_: embedder)

    embed("--gallery", gallery, "--batch-size", 7)

    assert embedder.batches == [7, 3]


def test_dimensions_that_do_not_fit_the_index_are_refused(ingestion, collection, gallery, capsys):
    ingestion.setattr(embed_gallery, "load_embedder", lambda model, **_: FakeEmbedder(256))

    assert embed("--gallery", gallery) == 2
    assert "256 dimensions" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda root: root / "nowhere", "does not exist"),
        (lambda root: root, "holds no pictures"),
        (lambda root: save_picture(root / "photo.jpg"), "is another kind of file"),
    ],
    ids=["missing", "empty", "a picture"],
)
def test_a_gallery_that_is_none_is_one_sentence(ingestion, tmp_path, capsys, make, expected):
    root = tmp_path / "root"
    root.mkdir()

    code = embed("--gallery", make(root))

    error = capsys.readouterr().err.splitlines()
    assert code == 2
    assert len(error) == 1
    assert expected in error[0]


def test_an_unreachable_database_is_one_sentence(ingestion, gallery, capsys):
    ingestion.setenv("MONGODB_URI", "mongodb://user:secret@127.0.0.1:9/")

    code = embed("--gallery", gallery)

    error = capsys.readouterr().err
    assert code == 1
    assert "127.0.0.1:9 cannot be reached" in error
    assert "secret" not in error


@pytest.mark.parametrize("arguments", [["--drop", "--dry-run"], ["--limit", "0"], ["--limit", "x"]])
def test_misuse_is_exit_code_2(gallery, arguments):
    with pytest.raises(SystemExit) as end:
        embed("--gallery", gallery, *arguments)

    assert end.value.code == 2


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit) as end:
        embed("--help")

    assert end.value.code == 0
    assert "example: python -m scripts.embed_gallery" in capsys.readouterr().out


SLOWLY = """
import sys, time
from scripts import embed_gallery
from scripts._cli import run
from tests.fakes import FakeEmbedder
from tests.scripts.embedding import embed, report_of

class Slow(FakeEmbedder):
    def _embed_pixel_batch(self, pixels):
        time.sleep(SECONDS)
        return super()._embed_pixel_batch(pixels)

embed_gallery.load_embedder = lambda model, **_: Slow(name=model)
sys.exit(run(embed_gallery.main))
"""


def start_slowly(gallery: Path, batch_s: float = 0.15) -> subprocess.Popen[str]:
    code = SLOWLY.replace("SECONDS", str(batch_s))
    return subprocess.Popen(
        [sys.executable, "-c", code, "--gallery", str(gallery), "--json", "--batch-size", "4"],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_documents(collection, count: int) -> None:
    deadline_s = time.monotonic() + 30
    while collection.estimated_document_count() < count:
        assert time.monotonic() < deadline_s, "nothing was written"
        time.sleep(0.02)


def wait_for_index(collection) -> None:
    deadline_s = time.monotonic() + 30
    while "image.sha256_1" not in collection.index_information():
        assert time.monotonic() < deadline_s, "the run did not begin"
        time.sleep(0.02)
    time.sleep(0.5)


def test_after_a_kill_the_next_run_completes_and_nothing_is_there_twice(
    ingestion, collection, tmp_path, capsys
):
    ids = save_gallery(tmp_path / "many", 60)
    process = start_slowly(tmp_path / "many")
    wait_for_documents(collection, 8)

    process.kill()
    process.communicate()
    before = collection.estimated_document_count()
    code = embed("--gallery", tmp_path / "many", "--model", "clothing", "--json")

    report = report_of(capsys)
    assert code == 0
    assert before < 60
    assert counts(report) == (60, 60 - report["unchanged"], report["unchanged"], 0)
    assert report["unchanged"] >= before
    assert ids == sorted(document["_id"] for document in collection.find({}, {"_id": 1}))


def test_ctrl_c_finishes_the_batch_reports_and_exits_130(ingestion, collection, tmp_path):
    save_gallery(tmp_path / "many", 60)
    process = start_slowly(tmp_path / "many")
    wait_for_documents(collection, 8)

    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=30)

    report = json.loads(output)
    assert process.returncode == 130
    assert report["is_interrupted"]
    assert report["read"] == report["written"] == collection.estimated_document_count() < 60
    assert "Traceback" not in error


def test_after_ctrl_c_the_next_run_goes_on_from_there(ingestion, collection, tmp_path, capsys):
    save_gallery(tmp_path / "many", 60)
    process = start_slowly(tmp_path / "many")
    wait_for_documents(collection, 8)
    process.send_signal(signal.SIGINT)
    first = json.loads(process.communicate(timeout=30)[0])

    assert embed("--gallery", tmp_path / "many", "--model", "clothing", "--json") == 0

    second = report_of(capsys)
    assert counts(second) == (60, 60 - first["written"], first["written"], 0)
    assert second["embedded"] == 60 - first["embedded"]


def test_ctrl_c_twice_ends_at_once_whatever_the_model_is_doing(ingestion, collection, tmp_path):
    save_gallery(tmp_path / "many", 8)
    process = start_slowly(tmp_path / "many", batch_s=600)
    try:
        wait_for_index(collection)  # which a run creates before it begins
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "press Ctrl-C again" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=30)
    finally:
        process.kill()

    assert (process.returncode, output) == (130, "")
    assert error == "error: Interrupted.\n"
    assert collection.estimated_document_count() == 0


def test_a_log_gets_a_line_now_and_then(ingestion, collection, gallery, monkeypatch, caplog):
    monkeypatch.setattr("scripts._progress.LOG_EVERY_S", 0.0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    with caplog.at_level("INFO"):
        embed("--gallery", gallery, "--batch-size", 5)

    assert any("10/10" in record.message for record in caplog.records)
