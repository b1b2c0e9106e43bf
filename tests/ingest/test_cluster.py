import json
import os
import pickle
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from app.db import with_uri
from app.errors import ConfigError, DatabaseUnavailable, ServiceError
from app.fetching import Fetcher
from app.indexes import read_index_file
from app.ingest.cluster_job import LOCAL, ClusterJob
from app.ingest.reader import open_gallery
from app.ingest.runner import IngestReport
from app.ingest.url_pictures import UrlPicture
from tests.fakes import FakeEmbedder
from tests.ingest.cluster_models import (
    POISON,
    DefectiveEmbedder,
    NotedGallery,
    PoisonedEmbedder,
    SlowEmbedder,
    StuckEmbedder,
    noted_embedder,
)
from tests.ingest.pictures import save_gallery, save_picture
from tests.ingest.watching import Watching

ray = pytest.importorskip("ray", reason="ray is not installed: requirements-cluster.txt")

from ray import cloudpickle  # noqa: E402

from app.ingest.cluster import ingest_on_cluster  # noqa: E402  # after the skip
from app.ingest.cluster_worker import total  # noqa: E402

WORKERS = 2


class Killer(Watching):
    """Kills the process of one worker as soon as something is done."""

    def __init__(self, pids: Path) -> None:
        super().__init__()
        self.killed: int | None = None
        self._pids = pids

    def on_settled(self, rows: int) -> None:
        super().on_settled(rows)
        if self.killed is None:
            self.killed = int(next(self._pids.iterdir()).name)
            os.kill(self.killed, signal.SIGKILL)


@pytest.fixture(autouse=True, scope="module")
def ray_environment() -> Iterator[None]:
    """A token of these tests' own; without one, Ray leaves one in the home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a Ray that was started by hand, as on a cluster's first machine."""
    port, client_port = free_port(), free_port()
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    ports = [f"--port={port}", f"--ray-client-server-port={client_port}"]
    head = subprocess.Popen(
        [*command, *ports, "--num-cpus=1", "--include-dashboard=false"],
        env={**os.environ, "RAY_AUTH_MODE": "token"},
    )
    try:
        yield f"ray://{ray.util.get_node_ip_address()}:{client_port}"
    finally:
        head.terminate()
        head.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def gallery(tmp_path) -> Path:
    return tmp_path / "gallery"


@pytest.fixture
def pids(tmp_path) -> Path:
    folder = tmp_path / "pids"
    folder.mkdir()
    return folder


@pytest.fixture
def make_job(settings, gallery, pids):
    def make(sort: type[FakeEmbedder] = FakeEmbedder, **changes) -> ClusterJob:
        index = read_index_file(settings.index_file)
        given = {
            "settings": with_uri(settings),
            "database_label": settings.database_label,
            "index": index,
            "gallery": open_gallery(gallery, index, settings.id_type),
            "limit": None,
            "load_embedder": partial(noted_embedder, pids, sort),
            "embedded_by": sort().fingerprint,
            "batch_size": 2,
            "is_dry_run": False,
        }
        return ClusterJob(**{**given, **changes})

    return make


def counts(report) -> tuple[int, ...]:
    return report.read, report.written, report.unchanged, report.failed


def stored_ids(collection) -> list[str]:
    return sorted(document["_id"] for document in collection.find({}, {"_id": 1}))


def test_a_gallery_is_ingested_by_the_workers_of_a_cluster(make_job, gallery, collection):
    names = save_gallery(gallery, 20)
    (gallery / "broken.jpg").write_bytes(b"no picture")
    watching = Watching()

    report = ingest_on_cluster(make_job(), LOCAL, workers=WORKERS, observer=watching)

    assert counts(report) == (21, 20, 0, 1)
    assert (report.embedded, report.precision) == (20, "fp32")
    assert stored_ids(collection) == names
    assert [failure.item_id for failure in watching.failures] == ["broken.jpg"]
    assert watching.settled == 21


def test_every_sort_of_gallery_and_of_row_travels(settings, gallery):
    save_picture(gallery / "a.png")
    (gallery / "feed.csv").write_text("image\na.png\nhttps://shop.example/b.png\n")
    (gallery / "feed.jsonl").write_text('{"image": "a.png", "price": 3}\n{"image": 5}\n')
    index = read_index_file(settings.index_file)
    at_url = partial(UrlPicture, Fetcher.from_settings(settings))

    for location in (gallery, gallery / "feed.csv", gallery / "feed.jsonl"):
        here = open_gallery(location, index, "string", at_url=at_url)
        there = cloudpickle.loads(cloudpickle.dumps(here))
        rows = list(there.rows())

        assert [str(row.source) for row in rows] == [str(row.source) for row in here.rows()]
        assert pickle.loads(pickle.dumps(rows)) == rows


def test_a_report_names_every_precision_that_its_machines_computed_in():
    one = IngestReport(*[1] * 6, *[0.5] * 4, is_interrupted=False, precision="fp32")
    reports = [one, replace(one, precision="bf16"), replace(one, precision=None), one]

    assert total(reports).precision == "bf16 and fp32"
    assert total(reports).read == 4
    assert total([]).precision is None


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_no_document(make_job, gallery, pids, collection):
    names = save_gallery(gallery, 120)
    killer = Killer(pids)

    report = ingest_on_cluster(make_job(SlowEmbedder), LOCAL, workers=WORKERS, observer=killer)

    assert killer.killed is not None
    assert len(list(pids.iterdir())) == WORKERS + 1  # it had a successor
    assert stored_ids(collection) == names
    assert report.read == 120 == report.written + report.unchanged
    assert report.failed == 0
    assert all(document["embedding"] for document in collection.find())


@pytest.mark.slow
def test_a_picture_that_ends_every_worker_fails_alone(make_job, gallery, collection):
    names = save_gallery(gallery, 20)
    save_picture(gallery / "shirt" / "005b.png", POISON)
    watching = Watching()

    report = ingest_on_cluster(
        make_job(PoisonedEmbedder), LOCAL, workers=WORKERS, observer=watching
    )

    assert stored_ids(collection) == names
    assert (report.read, report.failed) == (21, 1)
    assert [failure.item_id for failure in watching.failures] == ["shirt/005b.png"]
    assert "2 workers ended" in watching.failures[0].reason


@pytest.mark.slow
def test_a_run_that_stands_still_ends_with_a_sentence(make_job, gallery):
    save_gallery(gallery, 4)

    with pytest.raises(ServiceError, match=r"Nothing went forward for 15 s"):
        ingest_on_cluster(make_job(StuckEmbedder), LOCAL, workers=1, stall_after_s=15)


@pytest.mark.slow
def test_a_run_that_is_stopped_has_read_little_ahead(make_job, gallery, collection, tmp_path):
    save_gallery(gallery, 400)
    noted = NotedGallery(gallery, tmp_path / "read")
    job = make_job(SlowEmbedder, gallery=noted)

    report = ingest_on_cluster(job, LOCAL, workers=WORKERS, observer=Watching(stop_after=1))

    assert report.is_interrupted
    assert 0 < report.read <= len((tmp_path / "read").read_text().split()) < 200
    assert report.written == report.read == collection.count_documents({})


@pytest.mark.slow
def test_a_defect_in_a_worker_ends_the_run_with_its_name(make_job, gallery):
    save_gallery(gallery, 4)

    with pytest.raises(
        ServiceError, match=r"failed, Ray's log tells where: IndexError: a defect\."
    ):
        ingest_on_cluster(make_job(DefectiveEmbedder), LOCAL, workers=1)


@pytest.mark.slow
def test_a_gallery_that_is_not_on_the_cluster_is_no_empty_one(make_job, gallery):
    save_gallery(gallery, 4)
    job = make_job()
    gallery.rename(gallery.with_name("elsewhere"))

    with pytest.raises(ServiceError, match=r"at the same path on every machine"):
        ingest_on_cluster(job, LOCAL, workers=1)


@pytest.mark.slow
def test_a_database_that_workers_cannot_reach_ends_the_run(make_job, gallery, settings):
    save_gallery(gallery, 4)
    nowhere = replace(settings, mongodb_uri="mongodb://127.0.0.1:1")

    with pytest.raises(DatabaseUnavailable, match=r"cannot be reached"):
        ingest_on_cluster(make_job(settings=nowhere), LOCAL, workers=1)


@pytest.mark.slow
def test_a_worker_with_another_model_ends_the_run(make_job, gallery, collection):
    save_gallery(gallery, 4)

    with pytest.raises(ConfigError, match=r"every machine needs the same files"):
        ingest_on_cluster(make_job(embedded_by="0" * 64), LOCAL, workers=1)

    assert collection.count_documents({}) == 0


@pytest.mark.slow
def test_a_cluster_that_runs_already_is_joined_and_left(
    settings, gallery, collection, cluster, tmp_path
):
    names = save_gallery(gallery, 20)
    environment = {
        "MONGODB_URI": with_uri(settings).mongodb_uri,
        "DATABASE": settings.database,
        "PYTHONPATH": str(PROJECT_ROOT),
        "RAY_AUTH_MODE": "token",
    }
    command = [sys.executable, "-m", "scripts.embed_gallery", "--json", "--workers=1"]

    run = subprocess.run(
        [*command, f"--gallery={gallery}", f"--cluster={cluster}"],
        env={**os.environ, **environment},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        timeout=120,
    )

    assert run.returncode == 0
    report = json.loads(run.stdout)
    assert (report["read"], report["written"]) == (20, 20)
    assert stored_ids(collection) == names


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_named(make_job, gallery):
    save_gallery(gallery, 1)

    with pytest.raises(ServiceError, match=r"--cluster ray://127.0.0.1:1 cannot be used"):
        ingest_on_cluster(make_job(), "ray://127.0.0.1:1")
