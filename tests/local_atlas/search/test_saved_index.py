"""A state that was saved is what is loaded, and rows are written once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.local_atlas.journal import Position
from app.local_atlas.search.matrix import Matrix
from app.local_atlas.search.saved_index import SavedIndex
from app.local_atlas.search.saved_state import Rows, Strings, UnusableState

IDENTITY = {"format": 1, "definition": "abc"}
HERE = Position(3, 4)
VALUES = np.random.default_rng(1).standard_normal((30_000, 16)).astype(np.float32)


def rows(count: int, lineage: str = "one") -> Rows:
    matrix = Matrix(16, np.float32)
    matrix.append(VALUES[:count])
    return Rows(lineage, matrix.view())


def saved_rows(saved: Any, count: int) -> Any:
    return np.concatenate([block.copy() for block in saved.next(count)])


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    arrays = [np.arange(5), np.zeros((0, 3)), np.array([True, False]), np.arange(6.0).reshape(2, 3)]
    strings = [["a", "", "wörd", "日本", "\ud800"], [b"\x00\xff", b""], []]
    state = {
        "numbers": [1, 2.5, None, True, "text"],
        "arrays": arrays,
        "strings": [Strings(one) for one in strings],
        "$odd": {"nested": {"deep": arrays[0]}},
    }

    SavedIndex(tmp_path / "x", IDENTITY).save(state, HERE)
    loaded, position = SavedIndex(tmp_path / "x", IDENTITY).load()

    assert position == HERE
    assert loaded["numbers"] == state["numbers"]
    for array, original in zip(loaded["arrays"], arrays, strict=True):
        assert array.dtype == original.dtype
        assert array.tolist() == original.tolist()
    assert [one.values for one in loaded["strings"]] == strings
    assert loaded["$odd"]["nested"]["deep"].tolist() == arrays[0].tolist()


@pytest.mark.parametrize("first", [0, 1, 4096, 30_000])
def test_rows_are_read_in_order_wherever_they_are_divided(tmp_path: Path, first: int) -> None:
    SavedIndex(tmp_path / "x", IDENTITY).save({"rows": rows(30_000)}, HERE)
    loaded = SavedIndex(tmp_path / "x", IDENTITY).load()[0]["rows"]

    assert len(loaded) == 30_000
    if first:
        assert (saved_rows(loaded, first) == VALUES[:first]).all()
    if first < 30_000:
        assert (saved_rows(loaded, 30_000 - first) == VALUES[first:]).all()


def test_rows_are_written_once_and_their_segments_stay_few(tmp_path: Path) -> None:
    saved = SavedIndex(tmp_path / "x", IDENTITY)
    for count in range(100, 3100, 100):
        saved.save({"rows": rows(count)}, HERE)
        saved = SavedIndex(tmp_path / "x", IDENTITY)
        loaded = saved.load()[0]["rows"]
        assert (saved_rows(loaded, count) == VALUES[:count]).all()

        segments = list((tmp_path / "x").glob("*.rows"))
        assert sum(path.stat().st_size for path in segments) == count * 64
        assert len(segments) <= 6


def test_rows_of_another_lineage_are_written_anew(tmp_path: Path) -> None:
    saved = SavedIndex(tmp_path / "x", IDENTITY)
    saved.save({"rows": rows(100)}, HERE)
    other = Matrix(16, np.float32)
    other.append(VALUES[500:700])

    saved.save({"rows": Rows("two", other.view())}, HERE)

    loaded = SavedIndex(tmp_path / "x", IDENTITY).load()[0]["rows"]
    assert (saved_rows(loaded, 200) == VALUES[500:700]).all()


@pytest.mark.parametrize("name", sorted(IDENTITY))
def test_a_state_of_another_identity_is_refused(tmp_path: Path, name: str) -> None:
    SavedIndex(tmp_path / "x", {**IDENTITY, name: "other"}).save({}, HERE)

    with pytest.raises(UnusableState, match=f"it was saved with another {name}"):
        SavedIndex(tmp_path / "x", IDENTITY).load()


def test_every_byte_counts(tmp_path: Path) -> None:
    saved = SavedIndex(tmp_path / "x", IDENTITY)
    saved.save({"rows": rows(3), "a": np.arange(4), "s": Strings(["ab"])}, HERE)
    checked = 0
    for path in (tmp_path / "x").iterdir():
        content = path.read_bytes()
        for place in range(len(content)):
            path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
            with pytest.raises(UnusableState, match="is damaged"):
                saved_rows(SavedIndex(tmp_path / "x", IDENTITY).load()[0]["rows"], 3)
            checked += 1
        path.write_bytes(content)
    assert checked > 3 * 64 + 4 * 8 + 2


def test_what_cannot_be_written_leaves_the_old_state_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = SavedIndex(tmp_path / "x", IDENTITY)
    saved.save({"n": 1, "a": np.arange(3)}, HERE)
    before = sorted((tmp_path / "x").iterdir())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            saved.save({"n": 2, "a": np.arange(3), "rows": rows(10)}, HERE)

    assert sorted((tmp_path / "x").iterdir()) == before
    assert SavedIndex(tmp_path / "x", IDENTITY).load()[0]["n"] == 1
    assert saved.save({"n": 3}, HERE)
    assert SavedIndex(tmp_path / "x", IDENTITY).load()[0]["n"] == 3


def test_what_was_discarded_is_not_saved_any_more(tmp_path: Path) -> None:
    saved = SavedIndex(tmp_path / "x", IDENTITY)
    saved.save({}, HERE)

    saved.discard()

    assert not (tmp_path / "x").exists()
    assert not saved.save({}, HERE)
    assert not (tmp_path / "x").exists()
