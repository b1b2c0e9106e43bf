import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from app.embedding.checkpoints import (
    check_weights_header,
    read_manifest,
    write_checkpoint,
)
from app.errors import ConfigError
from tests.checkpoints import clothing_manifest, write_tiny_clothing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_clothing(tmp_path / "tiny")


def change_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    for key, value in changes.items():
        place = content["preprocessing"] if key in content["preprocessing"] else content
        place[key] = value
    path.write_text(json.dumps(content))


def test_a_manifest_comes_back_as_it_was_written(folder: Path):
    assert read_manifest(folder) == clothing_manifest()


def test_a_folder_holds_weights_manifest_and_readme_and_nothing_else(folder: Path):
    names = sorted(path.name for path in folder.iterdir())

    assert names == ["README.md", "manifest.json", "model.safetensors"]
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    "field",
    [
        "format_version",
        "family",
        "backbone",
        "dimensions",
        "pooling",
        "preprocessing",
        "source",
        "code_version",
    ],
)
def test_a_manifest_that_lacks_a_field_is_refused_naming_it(folder: Path, field: str):
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    del content[field]
    path.write_text(json.dumps(content))

    with pytest.raises(ConfigError, match=rf"manifest\.json: the manifest lacks {field}\."):
        read_manifest(folder)


@pytest.mark.parametrize("field", ["side_px", "resize", "interpolation", "mean", "std"])
def test_preprocessing_that_lacks_a_field_is_refused_naming_it(folder: Path, field: str):
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    del content["preprocessing"][field]
    path.write_text(json.dumps(content))

    with pytest.raises(ConfigError, match=rf"preprocessing lacks {field}\."):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format_version", 2),
        ("family", "clip"),
        ("backbone", 7),
        ("dimensions", 0),
        ("dimensions", True),
        ("dimensions", "512"),
        ("pooling", "max"),
        ("side_px", -1),
        ("side_px", 224.0),
        ("resize", "crop"),
        ("interpolation", "nearest"),
        ("mean", [0.5, 0.5]),
        ("mean", "0.5"),
        ("std", [0.5, 0.0, 0.5]),
        ("std", None),
        ("preprocessing", []),
    ],
)
def test_a_value_that_this_code_does_not_know_is_refused_naming_the_field(
    folder: Path, field: str, value: object
):
    change_manifest(folder, **{field: value})

    with pytest.raises(ConfigError, match=rf"manifest\.json: {field}"):
        read_manifest(folder)


def test_an_unknown_field_is_refused(folder: Path):
    change_manifest(folder, temperature=1)

    with pytest.raises(ConfigError, match="unknown fields temperature"):
        read_manifest(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "\x00"])
def test_a_manifest_that_is_not_a_json_object_is_refused(folder: Path, content: str):
    (folder / "manifest.json").write_text(content)

    with pytest.raises(ConfigError, match=r"manifest\.json"):
        read_manifest(folder)


def test_a_folder_without_manifest_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"manifest\.json cannot be read"):
        read_manifest(tmp_path)


def test_weights_without_the_head_are_refused(folder: Path):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors["projection_head.weight"]
    save_file(tensors, path)

    with pytest.raises(ConfigError, match=r"has no tensor projection_head\.weight"):
        check_weights_header(folder, clothing_manifest())


def test_a_head_of_another_width_than_the_manifest_is_refused(folder: Path):
    change_manifest(folder, dimensions=17)

    with pytest.raises(ConfigError, match="17 dimensions"):
        check_weights_header(folder, read_manifest(folder))


def test_an_existing_folder_is_kept_unless_overwriting(folder: Path):
    before = (folder / "model.safetensors").read_bytes()

    with pytest.raises(ConfigError, match="--overwrite"):
        write_checkpoint(folder, b"other", clothing_manifest(), "# Other\n")

    assert (folder / "model.safetensors").read_bytes() == before


def test_overwriting_replaces_the_whole_folder(folder: Path):
    (folder / "leftover.txt").write_text("old")

    write_checkpoint(folder, b"other", clothing_manifest(), "# Other\n", overwrite=True)

    assert (folder / "model.safetensors").read_bytes() == b"other"
    assert not (folder / "leftover.txt").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_a_write_that_fails_leaves_the_old_folder_and_no_litter(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    before = (folder / "model.safetensors").read_bytes()

    def full_disk(self: Path, *args: object, **kwargs: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(folder, b"other", clothing_manifest(), "# Other\n", overwrite=True)

    assert (folder / "model.safetensors").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_weights_are_stored_as_float16(folder: Path):
    assert {tensor.dtype for tensor in load_file(folder / "model.safetensors").values()} == {
        torch.float16
    }
