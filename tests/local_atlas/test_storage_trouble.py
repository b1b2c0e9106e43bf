"""A full disk, a directory that cannot be written, two servers for one directory.

The disk is a small tmpfs of its own where this machine lets us mount one, and otherwise a limit on
the size of the server's files; both make a real write fail.
"""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from tests.local_atlas.processes import DEADLINE_S
from tests.local_atlas.search.asking import ids, indexed, vector_definition, vector_search

ROOM_BYTES = 6 * 1024 * 1024
MODULE = [sys.executable, "-m", "app.local_atlas"]
# Prints what is mounted to the parent, which reaches it through /proc/<pid>/root.
MOUNTED = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
NO_RETRY: dict[str, Any] = {"retryWrites": False, "serverSelectionTimeoutMS": 5000}


@dataclass(frozen=True)
class Server:
    """A server whose disk can be given more room."""

    process: "subprocess.Popen[str]"
    uri: str
    make_room: Callable[[], None]
    says: str


@contextmanager
def started(command: list[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def on_small_disk(tmp_path: Path) -> Iterator[Server]:
    """A server in a mount namespace of its own; a ballast file gives its room back."""
    data = tmp_path / "data"
    data.mkdir()
    script = f"mount -t tmpfs -o size={2 * ROOM_BYTES} none {data} && "
    script += f"head -c {ROOM_BYTES} /dev/zero > {data}/ballast && exec "
    script += " ".join([*MODULE, "--path", str(data), "--socket", str(tmp_path / "a.sock")])
    with started([*MOUNTED, script]) as process:
        ballast = Path(f"/proc/{process.pid}/root{data}/ballast")
        said = "The disk of the data file is full: database or disk is full."
        yield Server(process, printed_uri(process), ballast.unlink, said)


@contextmanager
def with_small_files(tmp_path: Path) -> Iterator[Server]:
    """A server whose files may grow to a limit, which is lifted to make room."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(process_id: int, size_bytes: int) -> None:
        resource.prlimit(process_id, resource.RLIMIT_FSIZE, (size_bytes, hard))

    command = [*MODULE, "--path", str(tmp_path / "data"), "--socket", str(tmp_path / "a.sock")]
    with started(command) as process:
        uri = printed_uri(process)
        limit(process.pid, ROOM_BYTES)
        said = "The data file cannot grow, its disk, quota or size limit may be used up: "
        yield Server(process, uri, lambda: limit(process.pid, hard), said + "disk I/O error.")


def printed_uri(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = [*MOUNTED, "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def needs_mounting(value: Any) -> Any:
    return pytest.param(
        value, marks=pytest.mark.skipif(not may_mount(), reason="no file system may be mounted")
    )


@pytest.fixture(params=[needs_mounting(on_small_disk), with_small_files])
def full_soon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with request.param(tmp_path) as server:
        yield server


def fill(collection: Collection[dict[str, Any]]) -> tuple[list[int], OperationFailure]:
    """Insert until it is refused; return what was acknowledged and the refusal."""
    acknowledged: list[int] = []
    for number in range(1000):
        document = {"_id": number, "v": [number, 0], "filler": os.urandom(60_000)}
        try:
            collection.insert_one(document)
        except OperationFailure as refused:
            return acknowledged, refused
        acknowledged.append(number)
    raise AssertionError("the disk was never full")


def test_full_disk_refuses_writes_goes_on_reading_and_recovers_with_room(
    full_soon: Server,
) -> None:
    with MongoClient(full_soon.uri, **NO_RETRY) as client:
        collection = indexed(client.shop.items, [{"_id": -1, "v": [5000, 0]}], vector_definition())

        acknowledged, refused = fill(collection)

        assert refused.code == 14031
        assert refused.details is not None
        assert refused.details["codeName"] == "OutOfDiskSpace"
        assert refused.details["errmsg"] == full_soon.says
        for _ in range(3):  # and it stays like that
            with pytest.raises(OperationFailure):
                collection.insert_one({"_id": 5000, "filler": os.urandom(60_000)})
        expected = [-1, *acknowledged]
        assert [document["_id"] for document in collection.find()] == expected
        assert sorted(ids(vector_search(collection, limit=1000))) == expected
        full_soon.make_room()
        collection.insert_one({"_id": 5000, "v": [1, 1], "filler": os.urandom(60_000)})
        assert [document["_id"] for document in collection.find()] == [*expected, 5000]
        assert sorted(ids(vector_search(collection, limit=1000))) == [*expected, 5000]


def test_what_was_acknowledged_on_a_full_disk_is_there_after_a_kill(tmp_path: Path) -> None:
    with with_small_files(tmp_path) as server, MongoClient(server.uri, **NO_RETRY) as client:
        collection = indexed(client.shop.items, [], vector_definition())
        acknowledged, _ = fill(collection)
        server.process.kill()
        server.process.wait()

    command = [*MODULE, "--path", str(tmp_path / "data"), "--socket", str(tmp_path / "b.sock")]
    with started(command) as process, MongoClient(printed_uri(process), **NO_RETRY) as client:
        assert [document["_id"] for document in client.shop.items.find()] == acknowledged
        assert sorted(ids(vector_search(client.shop.items, limit=1000))) == acknowledged


def end_of(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_directory_without_write_permission_ends_the_start_with_one_sentence(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o500)

    ended = end_of([*MODULE, "--path", str(tmp_path)])

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (f"The data directory {tmp_path} cannot be used: Permission denied.\n")


@pytest.mark.skipif(not may_mount(), reason="no file system may be mounted")
@pytest.mark.parametrize("is_used", [False, True], ids=["empty", "with data"])
def test_read_only_file_system_ends_the_start_with_one_sentence(
    tmp_path: Path, is_used: bool
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    if is_used:
        with started([*MODULE, "--path", str(data)]) as process:
            printed_uri(process)
    script = f"mount --bind {data} {data} && mount -o remount,ro,bind {data} && exec "

    ended = end_of([*MOUNTED, script + " ".join([*MODULE, "--path", str(data)])])

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"The data directory {data} cannot be used: Read-only file system.\n"


def test_second_server_is_refused_while_the_first_goes_on(tmp_path: Path) -> None:
    command = [*MODULE, "--path", str(tmp_path / "data")]
    with started(command) as process:
        uri = printed_uri(process)
        with MongoClient(uri, **NO_RETRY) as client:
            collection = indexed(client.shop.items, [{"_id": 1, "v": [1, 0]}], vector_definition())

            second = end_of(command)

            assert second.returncode == 1
            assert second.stdout == ""
            assert second.stderr.endswith(
                f"is in use by another LocalAtlas, process {process.pid} at {uri}.\n"
            )
            collection.insert_one({"_id": 2, "v": [2, 0]})
            assert ids(vector_search(collection)) == [1, 2]
