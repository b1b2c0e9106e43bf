"""The fingerprint changes with everything that changes a vector, and with nothing else."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from app.embedding import load_embedder
from app.embedding.fingerprint import (
    StoredTensor,
    TensorShape,
    fingerprint,
    hash_safetensors,
    read_safetensors_header,
)
from app.errors import ConfigError
from tests.checkpoints import write_tiny_clip, write_tiny_clothing

TENSOR = StoredTensor(TensorShape("head", "F16", (2, 3)), "ab" * 32)
PARTS: dict[str, Any] = {
    "tensors": [TENSOR],
    "architecture": {"backbone": "lite0"},
    "preprocessing": {"side_px": 208, "mean": [0.5, 0.5, 0.5]},
    "pooling": "avg",
    "dimensions": 512,
    "vector_type": "float32",
}


def with_header(**changes: Any) -> list[StoredTensor]:
    return [dataclasses.replace(TENSOR, header=dataclasses.replace(TENSOR.header, **changes))]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"tensors": with_header(name="tail")}, id="tensor name"),
        pytest.param({"tensors": with_header(dtype="BF16")}, id="tensor dtype"),
        pytest.param({"tensors": with_header(shape=(3, 2))}, id="tensor shape"),
        pytest.param(
            {"tensors": [dataclasses.replace(TENSOR, sha256="cd" * 32)]}, id="tensor bytes"
        ),
        pytest.param({"tensors": [TENSOR, *with_header(name="bias")]}, id="one tensor more"),
        pytest.param({"architecture": {"backbone": "lite1"}}, id="architecture"),
        pytest.param(
            {"preprocessing": {"side_px": 224, "mean": [0.5, 0.5, 0.5]}}, id="preprocessing size"
        ),
        pytest.param(
            {"preprocessing": {"side_px": 208, "mean": [0.5, 0.5, 0.4]}}, id="preprocessing mean"
        ),
        pytest.param({"pooling": "max"}, id="pooling"),
        pytest.param({"dimensions": 256}, id="dimensions"),
        pytest.param({"vector_type": "int8"}, id="vector type"),
    ],
)
def test_every_part_counts(change: dict[str, Any]):
    assert fingerprint(**PARTS) != fingerprint(**PARTS | change)


def test_the_order_of_tensors_and_keys_does_not_count():
    tensors = [*with_header(name="bias"), TENSOR]
    reordered = {"mean": [0.5, 0.5, 0.5], "side_px": 208}

    assert fingerprint(**PARTS | {"tensors": tensors}) == fingerprint(
        **PARTS | {"tensors": tensors[::-1], "preprocessing": reordered}
    )


def test_it_is_a_sha256_in_hexadecimal():
    digits = fingerprint(**PARTS)

    assert len(digits) == 64
    assert int(digits, 16) >= 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64])
def test_a_file_is_read_as_safetensors_reads_it(tmp_path: Path, dtype: torch.dtype):
    path = tmp_path / "model.safetensors"
    tensors = {"b": torch.arange(6).reshape(2, 3).to(dtype), "a": torch.tensor(5, dtype=dtype)}
    save_file(tensors, path)

    stored = {tensor.header.name: tensor for tensor in hash_safetensors(path)}

    assert stored.keys() == tensors.keys()
    assert stored["b"].header.shape == (2, 3)
    assert stored["a"].header.shape == ()
    for name, tensor in tensors.items():
        data = bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())
        assert stored[name].sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("keep", [0, 4, 100, -1], ids=["empty", "length", "header", "last byte"])
def test_a_file_cut_short_is_refused_by_name(tmp_path: Path, keep: int):
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.zeros(100)}, path)
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(ConfigError, match=r"model\.safetensors cannot be read"):
        read_safetensors_header(path)


def edit_json(name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))

    return edit


def nudge_one_weight(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = sorted(name for name, tensor in tensors.items() if tensor.is_floating_point())[0]
    tensors[name].reshape(-1)[0] += 1
    save_file(tensors, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(nudge_one_weight, id="weights"),
        pytest.param(
            edit_json("manifest.json", lambda m: m["preprocessing"].update(side_px=64)), id="side"
        ),
        pytest.param(
            edit_json("manifest.json", lambda m: m["preprocessing"].update(mean=[0.4, 0.5, 0.5])),
            id="mean",
        ),
        pytest.param(
            edit_json("manifest.json", lambda m: m["preprocessing"].update(std=[0.4, 0.5, 0.5])),
            id="std",
        ),
        pytest.param(
            edit_json(
                "manifest.json", lambda m: m["preprocessing"].update(interpolation="bilinear")
            ),
            id="interpolation",
        ),
        pytest.param(
            edit_json("manifest.json", lambda m: m.update(backbone="test_resnet")), id="backbone"
        ),
    ],
)
def test_a_changed_clothing_checkpoint_is_another_model(
    tmp_path: Path, edit: Callable[[Path], None]
):
    folder = write_tiny_clothing(tmp_path / "tiny")
    before = load_embedder(f"clothing:{folder}").fingerprint

    edit(folder)

    assert load_embedder(f"clothing:{folder}").fingerprint != before


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(nudge_one_weight, id="weights"),
        *(
            pytest.param(
                edit_json("preprocessor_config.json", lambda c, u=update: c.update(u)),
                id=next(iter(update)),
            )
            for update in (
                {"size": {"shortest_edge": 40}},
                {"crop_size": {"height": 24, "width": 24}},
                {"resample": 2},
                {"rescale_factor": 0.5},
                {"image_mean": [0.1, 0.2, 0.3]},
                {"image_std": [0.1, 0.2, 0.3]},
                {"do_center_crop": False},
                {"do_normalize": False},
            )
        ),
        pytest.param(
            edit_json("config.json", lambda c: c["vision_config"].update(hidden_act="gelu")),
            id="activation",
        ),
        pytest.param(
            edit_json("config.json", lambda c: c["vision_config"].update(num_attention_heads=4)),
            id="heads",
        ),
    ],
)
def test_a_changed_clip_checkpoint_is_another_model(tmp_path: Path, edit: Callable[[Path], None]):
    folder = write_tiny_clip(tmp_path / "tiny")
    before = load_embedder(f"clip:{folder}").fingerprint

    edit(folder)

    assert load_embedder(f"clip:{folder}").fingerprint != before


@pytest.mark.parametrize(
    ("family", "write"), [("clothing", write_tiny_clothing), ("clip", write_tiny_clip)]
)
def test_a_copy_under_another_name_is_the_same_model(
    tmp_path: Path, family: str, write: Callable[[Path], Path]
):
    folder = write(tmp_path / "tiny")
    copy = shutil.copytree(folder, tmp_path / "elsewhere" / "renamed")

    original, copied = (load_embedder(f"{family}:{path}") for path in (folder, copy))

    assert original.fingerprint == copied.fingerprint
    assert (original.name, copied.name) == ("tiny", "renamed")


@pytest.mark.parametrize(
    ("family", "write"), [("clothing", write_tiny_clothing), ("clip", write_tiny_clip)]
)
def test_the_vector_type_makes_another_fingerprint(
    tmp_path: Path, family: str, write: Callable[[Path], Path]
):
    model = f"{family}:{write(tmp_path / 'tiny')}"

    assert load_embedder(model).fingerprint != load_embedder(model, vector_type="int8").fingerprint


def test_where_the_photos_came_from_does_not_change_the_model(tmp_path: Path):
    folder = write_tiny_clothing(tmp_path / "tiny")
    before = load_embedder(f"clothing:{folder}").fingerprint

    edit_json("manifest.json", lambda m: m.update(source={"data": "other words"}))(folder)

    assert load_embedder(f"clothing:{folder}").fingerprint == before
