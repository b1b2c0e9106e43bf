"""`scripts.embed_gallery --prune`, as its users see it: what goes, and above all what stays."""

import io
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from pymongo.errors import OperationFailure

from app.config import PROJECT_ROOT
from app.ingest.folder import FolderGallery
from app.ingest.legs import open_legs
from app.ingest.listing import Listing
from app.ingest.pruning import Pruner, gallery_id
from app.ingest.runner import ingest
from app.ingest.updates import UpdateBuilder
from app.ingest.writer import GalleryWriter
from scripts import embed_gallery
from tests.ingest.pictures import save_gallery, save_picture
from tests.scripts.embedding import embed


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def gallery(tmp_path) -> Path:
    save_gallery(tmp_path / "gallery", 6)
    return tmp_path / "gallery"


def pruned(capsys, *arguments: object) -> int:
    """Run, and return the number that the report gives."""
    capsys.readouterr()
    embed(*arguments, "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["read"] == report["written"] + report["unchanged"] + report["failed"]
    return int(report["pruned"])


def ids(collection) -> set[str]:
    return set(collection.distinct("_id"))


def feed(path: Path, *rows: dict) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_what_the_gallery_lists_no_more_goes_and_all_else_stays(
    ingestion, collection, gallery, tmp_path, capsys
):
    save_gallery(tmp_path / "other", 8)
    collection.insert_many(
        [
            {"_id": "shop", "title": "of the shop"},
            {"_id": "dress/000.png", "title": "of the shop, and listed for a while"},
        ]
    )
    embed("--gallery", gallery)
    (tmp_path / "other/shirt/009.png").write_bytes((gallery / "shirt/001.png").read_bytes())
    embed("--gallery", tmp_path / "other")
    before = ids(collection)
    for name in ("dress/000.png", "dress/002.png", "shirt/001.png"):
        (gallery / name).unlink()

    assert pruned(capsys, "--gallery", gallery) == 0
    assert ids(collection) == before
    assert pruned(capsys, "--gallery", gallery, "--prune", "--yes") == 2
    assert before - ids(collection) == {"dress/002.png", "shirt/001.png"}
    assert pruned(capsys, "--gallery", gallery, "--prune", "--yes") == 0


def test_a_dry_run_counts_and_deletes_nothing(ingestion, collection, gallery, capsys):
    embed("--gallery", gallery)
    (gallery / "dress/000.png").unlink()

    assert pruned(capsys, "--gallery", gallery, "--prune", "--dry-run") == 1
    assert len(ids(collection)) == 6
    embed("--gallery", gallery, "--prune", "--dry-run")
    assert "would prune 1 that the gallery lists no more" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "expected"), [("y\n", 1), ("yes\n", 1), ("n\n", 0), ("\n", 0), ("", 0)]
)
def test_a_terminal_is_asked_with_the_count(
    ingestion, collection, gallery, capsys, answer, expected
):
    embed("--gallery", gallery)
    (gallery / "dress/000.png").unlink()
    ingestion.setattr(sys, "stdin", Terminal(answer))

    assert embed("--gallery", gallery, "--prune") == 0

    output = capsys.readouterr()
    assert "Delete 1 documents that the gallery lists no more? [y/N]" in output.err
    assert "[y/N]" not in output.out
    assert len(ids(collection)) == 6 - expected


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--prune"], "expected --yes"),
        (["--prune", "--yes", "--limit", 3], "--limit does not go with --prune"),
        (["--prune", "--yes", "--drop"], "--drop does not go with --prune"),
        (["--yes"], "which is not given"),
    ],
)
def test_what_does_not_go_with_it_is_refused(
    ingestion, collection, gallery, capsys, arguments, reason
):
    assert embed("--gallery", gallery, *arguments) == 2
    assert reason in capsys.readouterr().err
    assert ids(collection) == set()


def test_an_empty_gallery_prunes_nothing(ingestion, collection, gallery, capsys):
    names = save_gallery(gallery, 6)
    embed("--gallery", gallery)
    for name in names:
        (gallery / name).unlink()

    assert embed("--gallery", gallery, "--prune", "--yes") == 2
    assert "holds no pictures" in capsys.readouterr().err
    assert len(ids(collection)) == 6


def test_a_row_whose_id_cannot_be_read_keeps_everything(
    ingestion, collection, gallery, capsys, caplog
):
    rows = [{"_id": str(i), "image": f"dress/{i:03}.png"} for i in (0, 2, 4)]
    path = feed(gallery / "feed.jsonl", *rows)
    embed("--gallery", path)
    path.write_text(json.dumps(rows[0]) + "\n" + '{"_id": "2", "ima')

    with caplog.at_level("WARNING"):
        assert pruned(capsys, "--gallery", path, "--prune", "--yes") == 0
    assert "Nothing is pruned: 1 rows of the gallery have no id that can be read." in caplog.text
    assert ids(collection) == {"0", "2", "4"}


def test_a_row_that_fails_is_listed_all_the_same(ingestion, collection, gallery, capsys):
    rows = [{"_id": str(i), "image": f"dress/{i:03}.png"} for i in (0, 2, 4)]
    path = feed(gallery / "feed.jsonl", *rows)
    embed("--gallery", path)
    (gallery / "dress/000.png").write_bytes(b"no picture")
    feed(path, rows[0], {**rows[1], "price": "cheap"})

    assert pruned(capsys, "--gallery", path, "--prune", "--yes") == 1
    assert ids(collection) == {"0", "2"}


def test_a_folder_that_cannot_be_read_fails_and_keeps_everything(
    ingestion, collection, gallery, capsys
):
    embed("--gallery", gallery)
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "dress":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    ingestion.setattr("app.ingest.folder.os.scandir", refusing)

    assert pruned(capsys, "--gallery", gallery, "--prune", "--yes") == 0
    assert len(ids(collection)) == 6
    (line,) = Path("failed.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "id": None,
        "source": str(gallery / "dress"),
        "reason": "The folder cannot be read: Permission denied.",
        "retryable": False,
    }


def test_a_gallery_that_is_not_read_to_its_end_says_so(gallery):
    listing = Listing()
    rows = listing.watch(FolderGallery(gallery, "string").rows())

    assert listing.problem() == "the gallery was not read to its end"
    next(rows)
    assert listing.problem() is not None
    list(rows)
    assert listing.problem() is None


def test_a_feed_with_a_date_in_its_name_keeps_its_own_name(ingestion, collection, gallery, capsys):
    rows = [{"_id": str(i), "image": f"dress/{i:03}.png"} for i in (0, 2, 4)]
    named = ["--prune", "--yes", "--gallery-name", "daily"]
    embed("--gallery", feed(gallery / "feed-1.jsonl", *rows), *named)
    second = feed(gallery / "feed-2.jsonl", *rows[:2])

    assert pruned(capsys, "--gallery", second, "--prune", "--yes") == 0
    assert pruned(capsys, "--gallery", second, *named) == 1
    assert ids(collection) == {"0", "2"}


def test_no_path_of_this_machine_gets_into_a_document(ingestion, collection, gallery):
    embed("--gallery", gallery)

    document = collection.find_one()
    assert document["image"]["gallery"] == gallery_id(str(gallery.resolve()))
    assert str(gallery) not in str(document)


def test_what_another_run_has_written_meanwhile_stays(ingestion, collection, gallery):
    began_at = datetime.now(UTC)
    embed("--gallery", gallery)
    listing = Listing()
    list(listing.watch([]))
    gallery_of = gallery_id(str(gallery.resolve()))

    assert Pruner(collection, gallery_of, listing, began_at=began_at).find() == 0
    later = Pruner(collection, gallery_of, listing, began_at=datetime.now(UTC))
    assert (later.find(), later.prune()) == (6, 6)


def test_ids_are_told_apart_by_their_type():
    listing = Listing()

    ids = [1, "1", True, None, UUID(int=1), {"a": 1}]
    assert listing.keep_unlisted(ids) == len(ids)
    assert sorted(map(repr, listing.unlisted())) == sorted(map(repr, ids))


def test_in_a_shops_own_collection_no_document_goes(
    ingestion, collection, settings, tmp_path, capsys
):
    ingestion.setenv("INDEX_FILE", str(PROJECT_ROOT / "atlas/products_vector.json"))
    ingestion.setenv("COLLECTION", collection.name)
    ingestion.setenv("GALLERY_ROOT", str(tmp_path))
    save_picture(tmp_path / "1.png")
    hero = {"hero": "1.png", "photos": []}
    collection.insert_many(
        [
            {"_id": "keeps", "photos": ["1.png"], "title": "a"},
            {"_id": "loses", "photos": ["1.png"], "title": "b"},
            {"_id": "noted", "photos": ["1.png"], "visual": {"note": "the shop's"}},
            {"_id": "broken", "photos": ["1.png"]},
            {"_id": "hero", **hero},
        ]
    )
    before = {one["_id"]: one for one in collection.find()}
    embed("--picture-field", "photos.0")
    embed("--picture-field", "hero")
    for name in ("loses", "noted"):
        collection.update_one({"_id": name}, {"$set": {"photos": []}})
    collection.update_one({"_id": "broken"}, {"$set": {"photos": ["gone.png"]}})

    assert pruned(capsys, "--picture-field", "photos.0", "--prune", "--yes") == 2

    after = {one["_id"]: one for one in collection.find()}
    assert after["loses"] == {**before["loses"], "photos": []}
    assert after["noted"] == {**before["noted"], "photos": []}
    for name in ("keeps", "broken", "hero"):
        assert "embedding" in after[name]["visual"]


def test_after_a_run_on_a_cluster_the_gallery_is_listed_here(
    ingestion, collection, gallery, capsys
):
    class Elsewhere:
        """Reads the job's gallery by itself, as the machines of a cluster do."""

        @staticmethod
        def ingest_on_cluster(job, address, **options):
            updates = UpdateBuilder(job.index, job.embedded_by, job.gallery_id)
            writer = GalleryWriter(collection, updates)
            with open_legs(job.load_embedder(), writer, max_pixels=1_000_000) as legs:
                return ingest(job.gallery.rows(), legs)

    ingestion.setattr(embed_gallery, "_cluster", lambda: Elsewhere)
    embed("--gallery", gallery, "--cluster", "local")
    (gallery / "dress/000.png").unlink()

    assert pruned(capsys, "--gallery", gallery, "--cluster", "local", "--prune", "--yes") == 1
    assert len(ids(collection)) == 5


def test_what_goes_wrong_in_pruning_does_not_cost_the_report(
    ingestion, collection, gallery, capsys
):
    embed("--gallery", gallery)
    (gallery / "dress/000.png").unlink()
    capsys.readouterr()

    def refuse(pruner):
        raise OperationFailure("not allowed to remove", 13)

    ingestion.setattr(Pruner, "prune", refuse)

    assert embed("--gallery", gallery, "--prune", "--yes", "--json") == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["read"], report["unchanged"], report["pruned"]) == (5, 5, 0)
    (problem,) = report["problems"]
    assert "refused: not allowed to remove" in problem
