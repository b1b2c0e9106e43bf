import json

import pytest
from bson import ObjectId

from app.errors import ConfigError
from app.ingest.failures import Failure, FailureFile


def test_each_failure_is_a_line_that_is_there_at_once(tmp_path):
    path = tmp_path / "failed.jsonl"
    file = FailureFile(path)

    file.add(Failure("é 1", "photos/1.jpg", "The picture is empty (0 bytes)."))
    file.add(Failure(None, "feed.csv:2", "Line 2: broken."))
    file.add(Failure(7, "7.jpg", "x", retryable=True))
    file.add(Failure(ObjectId("65f0a1b2c3d4e5f601234567"), "\udcff.jpg", "x"))
    lines = path.read_text().splitlines()
    file.close()

    assert [json.loads(line) for line in lines] == [
        {
            "id": "é 1",
            "source": "photos/1.jpg",
            "reason": "The picture is empty (0 bytes).",
            "retryable": False,
        },
        {"id": None, "source": "feed.csv:2", "reason": "Line 2: broken.", "retryable": False},
        {"id": 7, "source": "7.jpg", "reason": "x", "retryable": True},
        {
            "id": "65f0a1b2c3d4e5f601234567",
            "source": "\udcff.jpg",
            "reason": "x",
            "retryable": False,
        },
    ]


def test_without_failures_there_is_no_file_and_an_old_one_goes(tmp_path):
    path = tmp_path / "failed.jsonl"
    earlier = FailureFile(path)
    earlier.add(Failure("a", "1.jpg", "The picture is empty (0 bytes)."))
    earlier.close()
    assert path.exists()

    FailureFile(path).close()

    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [b'{"_id": "a", "image": "1.jpg"}\n', b"image,price\n1.jpg,7\n", b"\xff\xd8\xff", b"[" * 9999],
)
def test_a_file_that_no_run_has_written_is_kept(tmp_path, content):
    path = tmp_path / "feed.jsonl"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"--failed .*feed\.jsonl is there already"):
        FailureFile(path)
    assert path.read_bytes() == content


def test_what_is_no_ordinary_file_is_written_to_and_never_removed(tmp_path):
    path = tmp_path / "null"
    path.symlink_to("/dev/null")

    file = FailureFile(path)
    file.add(Failure("a", "1.jpg", "x"))
    file.close()

    assert path.is_symlink()
    assert path.exists()


@pytest.mark.parametrize("name", ["nowhere/failed.jsonl", "."])
def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path, name):
    with pytest.raises(ConfigError, match="--failed"):
        FailureFile(tmp_path / name)
