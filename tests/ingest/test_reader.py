import os
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from app.documents import GalleryImage
from app.errors import ConfigError
from app.indexes import read_index_file
from app.ingest.failures import Failure
from app.ingest.reader import open_gallery
from app.pictures import FilePicture

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def rows_of(path: Path):
    return list(open_gallery(path, INDEX, "string").rows())


def ids_of(path: Path) -> list[str]:
    return [row.item_id for row in rows_of(path)]


def test_an_id_is_the_relative_path_with_its_extension(tmp_path):
    touch(tmp_path, "dress/summer/1 é#?%.JPG")

    (row,) = rows_of(tmp_path)

    assert row == GalleryImage(
        "dress/summer/1 é#?%.JPG",
        FilePicture(tmp_path / "dress/summer/1 é#?%.JPG"),
        "dress/summer/1 é#?%.JPG",
        {"category": "dress"},
    )


def test_a_picture_beside_the_sub_folders_has_no_category(tmp_path):
    touch(tmp_path, "one.png")

    assert rows_of(tmp_path)[0].fields == {}


def test_the_order_is_that_of_names_whatever_the_disk_says(tmp_path):
    touch(tmp_path, "b/2.jpg", "b/10.jpg", "a.jpg", "c.jpg", "B/1.jpg")

    assert ids_of(tmp_path) == ["B/1.jpg", "a.jpg", "b/10.jpg", "b/2.jpg", "c.jpg"]


def test_same_name_with_two_extensions_is_two_items(tmp_path):
    touch(tmp_path, "1.jpg", "1.png")

    assert ids_of(tmp_path) == ["1.jpg", "1.png"]


def test_hidden_and_other_files_are_left_out(tmp_path):
    touch(tmp_path, "a.jpg", ".b.jpg", ".cache/c.jpg", "notes.txt", "Thumbs.db", "noextension")

    assert ids_of(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize("name", ["a.heic", "a.svg", "a.PSD"])
def test_a_picture_of_a_format_that_is_not_read_is_counted(tmp_path, name):
    touch(tmp_path, name)

    assert ids_of(tmp_path) == [name]


def test_links_do_not_lead_out_of_the_gallery(tmp_path):
    gallery, elsewhere = tmp_path / "gallery", tmp_path / "elsewhere"
    touch(gallery, "dress/a.jpg")
    touch(elsewhere, "secret.jpg")
    (gallery / "b.jpg").symlink_to(elsewhere / "secret.jpg")
    (gallery / "folder").symlink_to(elsewhere)
    (gallery / "circle").symlink_to(gallery)
    (gallery / "loop.jpg").symlink_to(gallery / "loop.jpg")
    (gallery / "inside.jpg").symlink_to(gallery / "dress/a.jpg")

    read = open_gallery(gallery, INDEX, "string")
    rows = list(read.rows())
    failures = [row for row in rows if isinstance(row, Failure)]
    assert [row.item_id for row in rows] == ["b.jpg", "dress/a.jpg", "inside.jpg", "loop.jpg"]
    assert [(failure.item_id, failure.reason) for failure in failures] == [
        ("b.jpg", "It is a link to a file outside the gallery.")
    ]
    assert read.count() == 4


def test_the_gallery_itself_may_be_a_link(tmp_path):
    touch(tmp_path, "real/a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert ids_of(tmp_path / "link") == ["a.jpg"]


def test_a_name_that_is_not_utf8_is_a_failure_of_its_own(tmp_path):
    touch(tmp_path, "a.jpg")
    (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")

    ok, bad = rows_of(tmp_path)

    assert ok.item_id == "a.jpg"
    assert isinstance(bad, Failure)
    assert "UTF-8" in bad.reason


def test_count_is_the_number_of_rows(tmp_path):
    touch(tmp_path, "a.jpg", "b/c.png", "b/d.txt")

    assert open_gallery(tmp_path, INDEX, "string").count() == 2


@pytest.mark.parametrize("id_type", ["int", "objectId"])
def test_a_folder_has_only_string_ids(tmp_path, id_type):
    with pytest.raises(ConfigError, match=f"ID_TYPE is {id_type}"):
        open_gallery(tmp_path, INDEX, id_type)


@pytest.mark.parametrize("name", ["gone", "gone.csv", "file.zip"])
def test_another_kind_of_gallery_is_refused(tmp_path, name):
    touch(tmp_path, "file.zip")

    with pytest.raises(ConfigError, match=f"{name} (does not exist|is another kind of file); exp"):
        open_gallery(tmp_path / name, INDEX, "string")
