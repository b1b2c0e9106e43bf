import json
import re
from functools import partial
from pathlib import Path

import pytest
from bson import ObjectId

from app.config import PROJECT_ROOT
from app.documents import GalleryImage
from app.errors import ConfigError
from app.fetching import Fetcher
from app.indexes import read_index_file
from app.ingest.failures import Failure
from app.ingest.reader import open_gallery
from app.ingest.url_pictures import UrlPicture
from app.pictures import FilePicture, PictureBytes, Validators
from tests.picture_server import LOOPBACK, answering, serving

INDEX = read_index_file(PROJECT_ROOT / "atlas/gallery_knn.json")


def jsonl(tmp_path: Path, *records: object) -> Path:
    path = tmp_path / "feed.jsonl"
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def csv(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "feed.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of(path: Path, id_type="string"):
    return list(open_gallery(path, INDEX, id_type).rows())


def test_jsonl_and_csv_say_the_same(tmp_path):
    expected = [
        GalleryImage(
            "sku-1",
            FilePicture(tmp_path / "photos/a b.jpg"),
            "photos/a b.jpg",
            {"title": 'A "red" one, é', "price": 29.9, "in_stock": True, "product_id": "7"},
        ),
        GalleryImage(
            "photos/b.jpg",
            FilePicture(tmp_path / "photos/b.jpg"),
            "photos/b.jpg",
            {"title": None, "price": 30, "in_stock": False, "product_id": "8"},
        ),
    ]

    from_jsonl = rows_of(
        jsonl(
            tmp_path,
            {
                "_id": "sku-1",
                "image": "photos/a b.jpg",
                "title": 'A "red" one, é',
                "price": 29.9,
                "in_stock": True,
                "product_id": "7",
            },
            {
                "image": "./photos/b.jpg",
                "title": None,
                "price": 30,
                "in_stock": False,
                "product_id": "8",
            },
        )
    )
    from_csv = rows_of(
        csv(
            tmp_path,
            "\ufeff_id,image,title,price,in_stock,product_id\r\n"
            'sku-1,photos/a b.jpg,"A ""red"" one, é",29.90,true,7\r\n'
            "\r\n"
            ",./photos/b.jpg,,30,no,8\r\n",
        )
    )

    assert expected == from_jsonl == from_csv


def test_a_bad_row_is_named_and_the_others_are_read(tmp_path):
    path = jsonl(
        tmp_path,
        {"_id": "a", "image": "a.jpg"},
        b"{not json",
        b"",
        {"_id": "b", "image": "b.jpg", "price": "cheap"},
        b'["c.jpg"]',
        b"\xff\xfe",
        b'{"image": "n.jpg", "price": NaN}',
        b"[" * 100_000,
        {"_id": "d", "image": "d.jpg"},
    )

    rows = rows_of(path)

    assert [row.item_id for row in rows] == ["a", None, "b", None, None, None, None, "d"]
    failures = [row for row in rows if isinstance(row, Failure)]
    assert [f"{path}:{line}" for line in (2, 4, 5, 6, 7, 8)] == [one.source for one in failures]
    assert failures[0].reason.startswith("Line 2: it is not valid JSON")
    assert failures[1].reason == "Line 4: price ('cheap') must be a number."
    assert failures[2].reason == "Line 5: it is a JSON list, expected an object."


def test_count_counts_bad_rows_too(tmp_path):
    path = jsonl(tmp_path, {"image": "a.jpg"}, b"", b"{not json")

    assert open_gallery(path, INDEX, "string").count() == len(rows_of(path)) == 2


@pytest.mark.parametrize(
    "image",
    [
        None,
        "",
        "  ",
        7,
        ["a.jpg"],
        "../outside.jpg",
        "/etc/passwd",
        "https://x.example/a.jpg",
        "\0",
    ],
)
def test_a_row_without_a_picture_of_its_folder_is_a_failure(tmp_path, image):
    (row,) = rows_of(jsonl(tmp_path, {"_id": "a", "image": image}))

    assert isinstance(row, Failure)
    assert row.reason.startswith("Line 1: image (")


def test_a_link_out_of_the_folder_is_a_failure(tmp_path):
    gallery = tmp_path / "gallery"
    gallery.mkdir()
    (gallery / "a.jpg").symlink_to(tmp_path / "outside.jpg")

    (row,) = rows_of(jsonl(gallery, {"image": "a.jpg"}))

    assert isinstance(row, Failure)
    assert "must be in the folder" in row.reason


def test_detours_and_absolute_paths_inside_become_relative(tmp_path):
    path = jsonl(
        tmp_path, {"image": "x/../a.jpg"}, {"image": str(tmp_path / "b.jpg")}, {"image": "./c.jpg"}
    )

    assert [row.uri for row in rows_of(path)] == ["a.jpg", "b.jpg", "c.jpg"]


def test_an_absolute_path_through_a_link_to_the_folder_becomes_relative(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    (row,) = rows_of(jsonl(tmp_path / "real", {"image": str(tmp_path / "link/a.jpg")}))

    assert row.uri == "a.jpg"


def test_the_second_row_with_an_id_is_a_failure(tmp_path):
    path = jsonl(
        tmp_path,
        {"_id": "a", "image": "1.jpg"},
        {"_id": "b", "image": "2.jpg"},
        {"_id": "a", "image": "3.jpg"},
        {"image": "4.jpg"},
        {"_id": "4.jpg", "image": "5.jpg"},
    )

    rows = rows_of(path)

    assert [isinstance(row, Failure) for row in rows] == [False, False, True, False, True]
    assert rows[2].reason == "Line 3: _id 'a' is that of line 1 already."
    assert rows[2].item_id == "a"


def test_the_same_picture_may_belong_to_two_items(tmp_path):
    rows = rows_of(jsonl(tmp_path, {"_id": "a", "image": "1.jpg"}, {"_id": "b", "image": "1.jpg"}))

    assert [row.item_id for row in rows] == ["a", "b"]


@pytest.mark.parametrize(
    ("id_type", "text", "expected"),
    [
        ("int", "7", 7),
        ("objectId", "65f0a1b2c3d4e5f601234567", ObjectId("65f0a1b2c3d4e5f601234567")),
    ],
)
def test_ids_are_converted(tmp_path, id_type, text, expected):
    path = csv(tmp_path, f"image,_id\na.jpg,{text}\nb.jpg,x\nc.jpg,\n")

    first, second, third = rows_of(path, id_type)

    assert expected == first.item_id
    assert second.reason == f"Line 3: _id ('x') does not fit ID_TYPE, which is {id_type}."
    assert third.reason == f"Line 4: it has no _id, and ID_TYPE is {id_type}."


@pytest.mark.parametrize(
    "name",
    ["embedding", "embedded_by", "updated_at", "image.sha256", "embedding.x", "$set", "a..b", ""],
)
def test_a_field_that_ingestion_writes_is_refused(tmp_path, name):
    (row,) = rows_of(jsonl(tmp_path, {"image": "a.jpg", name: "x"}))

    assert isinstance(row, Failure)
    with pytest.raises(ConfigError):
        rows_of(csv(tmp_path, f"image,{name}\na.jpg,x\n"))


def test_cells_too_many_or_too_few_are_a_failure(tmp_path):
    rows = rows_of(csv(tmp_path, "image,title\na.jpg\nb.jpg,x,y\nc.jpg,z\n"))

    assert [row.reason for row in rows[:2]] == [
        "Line 2: it has 1 cells, the header has 2.",
        "Line 3: it has 3 cells, the header has 2.",
    ]
    assert rows[2].fields == {"title": "z"}


def test_bytes_that_are_not_utf8_fail_their_own_row(tmp_path):
    rows = rows_of(csv(tmp_path, b"image,title\na.jpg,caf\xe9\nb.jpg,caf\xc3\xa9\n"))

    assert rows[0].reason == "Line 2: title is not valid UTF-8."
    assert rows[1].fields == {"title": "café"}


def test_a_cell_over_the_limit_of_csv_fails_its_own_row(tmp_path):
    rows = rows_of(csv(tmp_path, f"image,title\na.jpg,{'x' * 200_000}\nb.jpg,y\n"))

    assert rows[0].reason.startswith("Line 2: it is not valid CSV")
    assert rows[1].fields == {"title": "y"}


def test_a_line_break_within_quotes_belongs_to_the_cell(tmp_path):
    rows = rows_of(csv(tmp_path, 'image,title\na.jpg,"two\nlines"\nb.jpg,x,\n'))

    assert rows[0].fields == {"title": "two\nlines"}
    assert rows[1].source.endswith("feed.csv:4")


def test_a_quote_that_is_never_closed_is_a_failure_and_not_the_rest_of_the_file(tmp_path):
    rows = rows_of(csv(tmp_path, 'image,title\na.jpg,x\nb.jpg,"y\nc.jpg,z\n'))

    assert rows[0].fields == {"title": "x"}
    assert [row.reason for row in rows[1:]] == [
        "Line 3: it is not valid CSV: unexpected end of data."
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "has no column image; its first line is empty"),
        ("_id;image\n1;a.jpg\n", "has no column image; its first line is '_id;image'"),
        ("image,title,title\n", "has two columns 'title'"),
        (f"image,{'x' * 200_000}\n", "is not valid CSV"),
        (b"image,caf\xe9\na.jpg,x\n", "is not valid UTF-8"),
        ("image,title\n".encode("utf-16"), "is not valid UTF-8"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(tmp_path, content, reason):
    with pytest.raises(ConfigError, match=reason):
        rows_of(csv(tmp_path, content))


@pytest.fixture
def at_url():
    with Fetcher(allow_http=True, allowed_networks=LOOPBACK) as fetcher:
        yield partial(UrlPicture, fetcher)


def test_a_row_may_name_a_url(tmp_path, at_url):
    with serving() as server:
        server.answers["/1.png"] = answering(b"bytes", ETag='"1"')
        url = server.url("/1.png", host="127.0.0.1")
        path = jsonl(tmp_path, {"image": url}, {"_id": "b", "image": f"{url}?sign=secret"})

        plain, signed = open_gallery(path, INDEX, "string", at_url=at_url).rows()

        assert (plain.item_id, plain.uri, str(plain.source)) == (url, url, url)
        assert (signed.uri, str(signed.source)) == (f"{url}?sign=secret", url)
        assert signed.source.read(None) == PictureBytes(b"bytes", Validators('"1"', None))


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("https://x.example/1.jpg?sign=secret", "it has no _id, and the query of its URL may"),
        ("https://x.example/1.jpg, https://x.example/2.jpg", "image names more than one picture"),
        (["https://x.example/1.jpg", "2.jpg"], "image names 2 pictures, expected one"),
        ("ftp://user:secret@x.example/1.jpg", r"image \('ftp://x.example/1.jpg'\) must be a path"),
        ("s3://user:secret@bucket/1.jpg", r"image \('s3://bucket/1.jpg'\) must hold no credent"),
        ("file:///etc/passwd", "must be a path, an https URL, or a key"),
    ],
)
def test_a_picture_that_cannot_be_used_is_named_without_its_secrets(
    tmp_path, at_url, image, reason
):
    (row,) = open_gallery(jsonl(tmp_path, {"image": image}), INDEX, "string", at_url=at_url).rows()

    assert isinstance(row, Failure)
    assert re.search(reason, row.reason)
    assert "secret" not in row.reason


def test_a_url_that_holds_another_is_one_picture(tmp_path, at_url):
    url = "https://cdn.example/fit=600/https://shop.example/1.jpg"

    (row,) = open_gallery(jsonl(tmp_path, {"image": url}), INDEX, "string", at_url=at_url).rows()

    assert row.uri == url


def test_a_line_with_two_pictures_is_a_failure(tmp_path):
    (row,) = rows_of(jsonl(tmp_path, b'{"image": "1.jpg", "image": "2.jpg"}'))

    assert row.reason == "Line 1: it is not valid JSON: it has two values of 'image'."
