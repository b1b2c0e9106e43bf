"""A feed of all that can be wrong, read by the script in a process of its own, every log on."""

import json
import os
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from tests.buckets import TestBucket, locked
from tests.ingest.pictures import png
from tests.picture_server import answering, redirecting, serving

SCRIPT = """
import socket
import sys
from app.fetching import Fetcher, FetchLimits
from scripts import embed_gallery
from scripts._cli import run
from tests.fakes import FakeEmbedder
from tests.picture_server import HOST, LOOPBACK

def resolve(host, port):
    if host == "nowhere.example":
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")
    return ["127.0.0.1"]

def open_fetcher(settings):
    limits = FetchLimits(max_retries=0)
    return Fetcher(limits, allow_http=True, allowed_networks=LOOPBACK, resolve=resolve)

Fetcher.from_settings = open_fetcher
embed_gallery.load_embedder = lambda model, **_: FakeEmbedder(name=model)
sys.exit(run(embed_gallery.main))
"""
SECRETS = ("s3cr3t-token", "s3cr3t-password", "s3cr3t-key", "an-access-key")


def claiming(size: tuple[int, int]) -> bytes:
    """Return a small picture that only claims to be so large."""
    content = png()
    header = b"IHDR" + struct.pack(">II", *size) + content[24:29]
    return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]


def run_script(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "LOG_LEVEL": "DEBUG"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def closed_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.fixture
def environment(ingestion, s3):
    ingestion.setenv("AWS_SECRET_ACCESS_KEY", SECRETS[2])


def test_each_bad_row_is_one_line_and_the_run_goes_on_without_a_secret_anywhere(
    environment, collection, tmp_path, closed_port, s3
):
    TestBucket(s3, "no-permission").put("1.png", png())
    (tmp_path / "1.png").write_bytes(png("blue"))
    (tmp_path / "bomb.png").write_bytes(claiming((30_000, 30_000)))
    with serving() as server, locked(s3):
        server.answers = {
            "/good.png": answering(png("green"), ETag='"1"'),
            "/gone.png": answering(status=404),
            "/busy.png": answering(status=503),
            "/page.png": answering(b"<!doctype html>Sold out", Content_Type="text/html"),
            "/loop.png": redirecting(f"{server.url('/loop.png')}?token={SECRETS[0]}"),
        }

        def at(path):
            return f"{server.url(path)}?token={SECRETS[0]}"

        rows = {
            "file": "1.png",
            "url": at("/good.png"),
            "none": "",
            "two": ["1.png", "1.png"],
            "two urls": f"{at('/good.png')}, {at('/gone.png')}",
            "misfit": "1.png",
            "closed": f"http://127.0.0.1:{closed_port}/1.png?token={SECRETS[0]}",
            "nowhere": f"http://nowhere.example/1.png?token={SECRETS[0]}",
            "loop": at("/loop.png"),
            "gone": at("/gone.png"),
            "busy": at("/busy.png"),
            "page": at("/page.png"),
            "bomb": "bomb.png",
            "password": f"https://me:{SECRETS[1]}@shop.example/1.png",
            "bucket": "s3://no-permission/1.png",
            "no bucket": "s3://nobodys/1.png",
        }
        price = {"misfit": "cheap"}
        lines = [
            json.dumps({"_id": key, "image": image, "price": price.get(key, 1)})
            for key, image in rows.items()
        ]
        feed = tmp_path / "feed.jsonl"
        feed.write_text("\n".join(lines))

        result = run_script("--gallery", feed, "--json")
        again = run_script("--gallery", feed, "--json")

    failed = [json.loads(line) for line in Path("failed.jsonl").read_text().splitlines()]
    reasons = {one["id"]: one["reason"] for one in failed}
    report = json.loads(result.stdout)
    assert result.returncode == 1, result.stderr
    assert (report["read"], report["written"], report["failed"]) == (len(rows), 2, len(rows) - 2)
    assert sorted(collection.distinct("_id")) == ["file", "url"]
    assert sorted(reasons) == sorted(set(rows) - {"file", "url"})
    for key, part in {
        "none": "image ('') must be the path of a picture",
        "two": "image names 2 pictures",
        "two urls": "image names more than one picture",
        "misfit": "price ('cheap') must be a number",
        "closed": "cannot be reached: Connection refused",
        "nowhere": "nowhere.example",
        "loop": "redirect",
        "gone": "404 Not Found",
        "busy": "503",
        "page": "html",
        "bomb": "at most 50,000,000 pixels",
        "password": "holds a user or a password",
        "bucket": "s3://no-permission/1.png cannot be read: permission denied",
        "no bucket": "s3://nobodys/1.png",
    }.items():
        assert part.lower() in reasons[key].lower(), (key, reasons[key])
    retryable = {one["id"] for one in failed if one["retryable"]}
    assert retryable == {"closed", "nowhere", "busy"}
    assert json.loads(again.stdout)["unchanged"] == 2
    output = [one for run in (result, again) for one in (run.stdout, run.stderr)]
    everything = "".join([*output, Path("failed.jsonl").read_text()])
    for secret in SECRETS:
        assert secret not in everything
