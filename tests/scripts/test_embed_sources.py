"""`scripts.embed_gallery` over feeds and buckets, as its users see it."""

import json
from pathlib import Path

import pytest

from tests.buckets import TestBucket, locked
from tests.ingest.pictures import png
from tests.scripts.embedding import embed


def test_a_feed_of_somebody_elses_in_a_bucket(ingestion, s3, collection, capsys):
    bucket = TestBucket(s3, "feeds")
    bucket.put("photos/1.png", png())
    bucket.put("photos/page.png", b"<html>")
    bucket.put(
        "feed.csv",
        b"sku,photo,weight_g,price\n"
        b"a,photos/1.png,250,9.90\n"
        b"b,photos/page.png,250,9.90\n"
        b"c,,250,9.90\n"
        b"d,photos/1.png,heavy,9.90\n"
        b"e,http://10.0.0.1/1.png?token=secret,250,9.90\n"
        b"f,photos/gone.png,250,9.90\n",
    )

    code = embed(
        *("--gallery", "s3://feeds/feed.csv", "--json", "--type", "weight_g=number"),
        *("--column", "_id=sku", "--column", "image=photo"),
    )

    report = json.loads(capsys.readouterr().out)
    assert code == 1
    assert (report["read"], report["written"], report["failed"]) == (6, 1, 5)
    document = collection.find_one()
    assert (document["_id"], document["weight_g"], document["price"]) == ("a", 250, 9.9)
    text = Path("failed.jsonl").read_text()
    failed = {line["id"]: line for line in map(json.loads, text.splitlines())}
    assert "secret" not in text
    assert sorted(failed) == list("bcdef")
    assert all(set(line) == {"id", "source", "reason", "retryable"} for line in failed.values())
    assert failed["d"]["source"] == "s3://feeds/feed.csv:5"
    assert failed["d"]["reason"] == "Line 5: weight_g ('heavy') must be a number."
    assert failed["f"]["reason"] == "s3://feeds/photos/gone.png does not exist."
    assert not any(line["retryable"] for line in failed.values())


def test_a_bucket_that_may_not_be_read_is_one_line(ingestion, s3, capsys):
    TestBucket(s3, "private")

    with locked(s3):
        code = embed("--gallery", "s3://private/photos")

    assert code == 1
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error")]
    assert line == (
        "error: s3://private/photos cannot be read: "
        "permission denied to the environment's credentials."
    )
    assert not Path("failed.jsonl").exists()


@pytest.mark.parametrize(
    "arguments",
    [["--column", "image"], ["--type", "price=money"], ["--picture-field", "photo"]],
)
def test_what_cannot_be_understood_is_misuse(ingestion, arguments, capsys):
    with pytest.raises(SystemExit) as end:
        embed("--gallery", ".", *arguments)
    assert end.value.code == 2


def test_a_field_that_is_mapped_twice_is_refused(ingestion, capsys):
    assert embed("--gallery", ".", "--column", "image=a", "--column", "image=b") == 2
    assert "--column image is given twice, with different values." in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["", "/", "/feed.csv"])
def test_who_would_see_the_pictures_of_a_bucket_is_told_the_setting(
    ingestion, s3, collection, caplog, ending
):
    bucket = TestBucket(s3, f"told-{len(ending)}")
    location = f"s3://{bucket.name}/shown"
    bucket.put("shown/1.png", png())
    bucket.put("shown/feed.csv", b"image\n1.png\n")

    with caplog.at_level("INFO"):
        embed("--gallery", location + ending)
    assert f"The service shows these pictures with GALLERY_BUCKET={location}" in caplog.messages

    caplog.clear()
    ingestion.setenv("GALLERY_BUCKET", f"s3://{bucket.name}")
    with caplog.at_level("INFO"):
        embed("--gallery", location + ending)
    assert "GALLERY_BUCKET" not in caplog.text
