"""One server for each directory."""

from pathlib import Path

import pytest

from app.local_atlas.directory_lock import (
    Announcement,
    DirectoryInUse,
    FileLock,
    ServerLock,
    announcement,
    is_served,
)


def test_second_server_is_refused_by_the_name_of_the_first(tmp_path: Path) -> None:
    first = ServerLock(tmp_path)
    first.announce("mongodb://somewhere/")
    said = announcement(tmp_path)
    assert said is not None

    with pytest.raises(DirectoryInUse, match=f"process {said.process_id} at mongodb://somewhere/"):
        ServerLock(tmp_path)

    first.release()
    ServerLock(tmp_path).release()


def test_directory_is_served_while_the_lock_is_held(tmp_path: Path) -> None:
    assert not is_served(tmp_path)
    lock = ServerLock(tmp_path)
    assert is_served(tmp_path)

    lock.release()

    assert not is_served(tmp_path)


def test_shorter_announcement_replaces_a_longer_one(tmp_path: Path) -> None:
    lock = ServerLock(tmp_path)
    lock.announce("mongodb://" + "x" * 100)
    lock.announce("mongodb://y")

    said = announcement(tmp_path)

    assert said == Announcement(said.process_id if said else 0, "mongodb://y")
    lock.release()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"uri": "x"}', '{"process_id": "x", "uri": 1}']
)
def test_unreadable_announcement_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "server.lock").write_text(content)

    assert announcement(tmp_path) is None


def test_waiting_for_a_lock_ends_after_its_time(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as held, FileLock(tmp_path / "lock") as waiting:
        assert held.try_acquire()

        assert not waiting.acquire(timeout_s=0.05)
