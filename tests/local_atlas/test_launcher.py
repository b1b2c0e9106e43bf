"""Starting, sharing and ending LocalAtlas, with real processes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from app.local_atlas import launcher
from app.local_atlas.directory_lock import ServerLock, announcement, is_served, launcher_lock
from app.local_atlas.launcher import LauncherError, start_or_join
from tests.local_atlas.processes import DEADLINE_S, kill, wait_until
from tests.local_atlas.search.asking import create_index, vector_definition, vector_search

# What a script does: start or join, then tell where.
STARTER = (
    "import sys; from pathlib import Path; from app.local_atlas.launcher import start_or_join;"
    "print(start_or_join(Path(sys.argv[1]), linger_s=20))"
)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A data directory whose server is ended with the test."""
    path = tmp_path / "data"
    yield path
    if path.is_dir() and os.access(path, os.W_OK):
        kill(path)


def socket_of(uri: str) -> Path:
    return Path(unquote(uri.removeprefix("mongodb://").partition("/")[0]))


def connect(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=5000)


def test_start_gives_a_server_that_the_next_start_joins(directory: Path) -> None:
    first = start_or_join(directory)
    second = start_or_join(directory)

    assert first == second
    with connect(first) as client:
        client.t.c.insert_one({"_id": 1})
    with connect(second) as client:
        assert client.t.c.find_one() == {"_id": 1}


def test_uri_names_a_short_private_socket_in_lower_case(tmp_path: Path) -> None:
    directory = tmp_path / ("Long And UPPER " * 8)
    try:
        uri = start_or_join(directory)

        path = socket_of(uri)
        assert uri.endswith("/?directConnection=true")
        assert path.name == path.name.lower()
        assert len(os.fsencode(path)) < 104
        assert path.parent.stat().st_mode & 0o077 == 0
        with connect(uri) as client:
            assert client.admin.command("hello")["hosts"] == [str(path)]
    finally:
        kill(directory.resolve())


def test_eight_starts_at_once_give_one_server_and_a_ninth_recovers_from_its_death(
    directory: Path,
) -> None:
    command = [sys.executable, "-c", STARTER, str(directory)]

    def run(_: int) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with ThreadPoolExecutor(8) as pool:
        uris = set(pool.map(run, range(8)))
    assert len(uris) == 1
    holder = announcement(directory)
    with connect(*uris) as client:
        client.t.c.insert_one({"_id": 1})
    kill(directory)

    ninth = start_or_join(directory)

    assert announcement(directory) != holder
    with connect(ninth) as client:
        assert list(client.t.c.find()) == [{"_id": 1}]


def test_package_that_is_installed_under_its_own_name_starts_itself(
    directory: Path, tmp_path: Path
) -> None:
    package = Path(launcher.__file__).parent
    shutil.copytree(package, tmp_path / "site" / "local_atlas")
    starter = STARTER.replace("app.local_atlas", "local_atlas")

    started = subprocess.run(
        [sys.executable, "-c", starter, str(directory)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path / "site",
        env={**os.environ, "PYTHONPATH": ""},
    )

    with connect(started.stdout.strip()) as client:
        assert client.admin.command("ping")["ok"] == 1
    holder = announcement(directory)
    assert holder is not None
    arguments = Path(f"/proc/{holder.process_id}/cmdline")
    assert not arguments.exists() or b"\0local_atlas\0" in arguments.read_bytes()


def test_server_outlives_its_starter(directory: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(directory)]
    uri = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with connect(uri) as client:
        assert client.admin.command("ping")["ok"] == 1
    holder = announcement(directory)
    assert holder is not None
    assert os.getsid(holder.process_id) == holder.process_id


def test_server_ends_some_time_after_its_last_client_has_gone(directory: Path) -> None:
    uri = start_or_join(directory, linger_s=0.3)
    with connect(uri) as client:
        client.t.c.insert_one({"_id": 1})
        time.sleep(1.0)  # longer than it lingers and than its starter's time to connect
        assert is_served(directory)

    wait_until(lambda: not is_served(directory))

    assert not socket_of(uri).exists()
    with connect(start_or_join(directory, linger_s=0.3)) as client:
        assert list(client.t.c.find()) == [{"_id": 1}]


def test_start_that_meets_an_ending_server_gets_the_next_one(directory: Path) -> None:
    # Each round starts while the server of the round before is about to end, or has just ended.
    for number in range(4):
        uri = start_or_join(directory, linger_s=0.3)
        with connect(uri) as client:
            client.t.c.insert_one({"_id": number})
        time.sleep(0.3 + 0.08 * number)

    with connect(start_or_join(directory)) as client:
        assert client.t.c.count_documents({}) == 4


def test_server_started_by_hand_is_joined_and_stays(directory: Path) -> None:
    by_hand = subprocess.Popen(
        [sys.executable, "-m", "app.local_atlas", "--path", str(directory), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert by_hand.stdout is not None
    with by_hand, by_hand.stdout:
        printed = by_hand.stdout.readline().strip()
        try:
            uri = start_or_join(directory, linger_s=0.2)
            with connect(uri) as client:
                client.admin.command("ping")
            time.sleep(1.0)

            assert uri == printed
            assert by_hand.poll() is None
        finally:
            by_hand.terminate()


def test_options_reach_the_server_and_a_plain_start_joins_it(directory: Path) -> None:
    uri = start_or_join(directory, index_lag_ms=3_600_000, strict=True)

    assert start_or_join(directory) == uri
    assert start_or_join(directory, strict=True) == uri
    with connect(uri) as client:
        collection = client.t.c
        collection.database.create_collection("c")
        create_index(collection, vector_definition())
        collection.insert_one({"_id": 1, "v": [1, 2]})
        assert vector_search(collection) == []  # the lag
        with pytest.raises(OperationFailure, match="would not be indexed"):
            collection.insert_one({"_id": 2, "v": [1, 2, 3]})


def test_server_without_what_is_asked_for_is_not_joined(directory: Path) -> None:
    start_or_join(directory, index_lag_ms=50)
    holder = announcement(directory)
    assert holder is not None

    with pytest.raises(LauncherError) as refused:
        start_or_join(directory, strict=True)

    assert str(refused.value) == (
        f"The LocalAtlas that serves {directory} runs with --index-lag-ms 50, and --strict is "
        f"asked for: end it first (process {holder.process_id})."
    )
    with pytest.raises(LauncherError, match="and --index-lag-ms 51 is asked for"):
        start_or_join(directory, index_lag_ms=51)


def test_second_server_on_a_directory_is_refused_and_names_the_first(directory: Path) -> None:
    uri = start_or_join(directory)
    holder = announcement(directory)
    assert holder is not None

    second = subprocess.run(
        [sys.executable, "-m", "app.local_atlas", "--path", str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr == (
        f"The data directory {directory} is in use by another LocalAtlas, process "
        f"{holder.process_id} at {uri}.\n"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_server_cleanly(directory: Path, number: int) -> None:
    uri = start_or_join(directory)
    with connect(uri) as client:
        client.t.c.insert_one({"_id": 1})

        kill(directory, number)

    log = directory / "local_atlas.log"  # its last line comes after the lock is released
    wait_until(lambda: log.read_text().rstrip().endswith("LocalAtlas has ended"))
    assert not (directory / "local_atlas.sqlite-wal").exists()


def test_directory_that_is_a_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")

    with pytest.raises(LauncherError) as refused:
        start_or_join(path)

    assert (
        str(refused.value)
        == f"The data directory {path} of LocalAtlas cannot be used: File exists."
    )


def test_directory_that_cannot_be_made_is_refused_in_one_sentence() -> None:
    with pytest.raises(LauncherError, match=r"cannot be used: No such file or directory\.$"):
        start_or_join(Path("/proc/nowhere/data"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_directory_without_permission_is_refused_in_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(LauncherError, match=r"cannot be used: Permission denied\.$"):
        start_or_join(tmp_path / "data")


def test_server_that_dies_while_starting_is_reported_with_its_log(directory: Path) -> None:
    directory.mkdir()
    (directory / "local_atlas.sqlite").write_bytes(b"this is no database" * 1000)

    with pytest.raises(LauncherError) as failed:
        start_or_join(directory)

    assert "ended while it was starting" in str(failed.value)
    assert "cannot be used: file is not a database" in str(failed.value)
    assert "\n" not in str(failed.value)


def test_start_waits_for_a_server_that_does_not_answer_any_more(directory: Path) -> None:
    directory.mkdir()
    ending = ServerLock(directory)
    ending.announce("mongodb://%2Ftmp%2Fnobody-is-there.sock/?directConnection=true")
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(start_or_join, directory)
        time.sleep(0.3)
        assert not starting.done()

        ending.release()

        with connect(starting.result(DEADLINE_S)) as client:
            assert client.admin.command("ping")["ok"] == 1


def test_starters_wait_for_each_other(directory: Path) -> None:
    directory.mkdir()
    lock = launcher_lock(directory)
    assert lock.try_acquire()
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(start_or_join, directory)
        time.sleep(0.3)
        assert not starting.done()
        assert not is_served(directory)

        lock.close()

        assert starting.result(DEADLINE_S).startswith("mongodb://")
