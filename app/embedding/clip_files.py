"""Where a CLIP checkpoint's files are: a local folder, the hub's cache, or a download.

Everything here runs without torch, except the hashing of a torch weights file.
"""

import hashlib
import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.embedding.clip_preprocessing import PROCESSOR_NAMES
from app.embedding.fingerprint import (
    StoredTensor,
    TensorShape,
    hash_safetensors,
    read_safetensors_header,
)
from app.errors import ConfigError, ModelUnavailable

if TYPE_CHECKING:
    import torch

CONFIG_NAME = "config.json"
# Whole or in shards, as transformers reads them; not a "model.fp16.safetensors" beside them.
SAFETENSORS = ("model.safetensors", "model-*-of-*.safetensors")
TORCH = ("pytorch_model.bin", "pytorch_model-*-of-*.bin")
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

# What readers of weights raise for a file cut short, of another kind, or that would run code.
BROKEN_WEIGHTS = (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError)

# safetensors' codes, so that a checkpoint has one fingerprint in either file format.
DTYPE_CODES = {
    "torch.float64": "F64",
    "torch.float32": "F32",
    "torch.float16": "F16",
    "torch.bfloat16": "BF16",
    "torch.int64": "I64",
    "torch.int32": "I32",
    "torch.uint8": "U8",
    "torch.bool": "BOOL",
}


@dataclass(frozen=True, slots=True)
class ClipFiles:
    """A folder in the layout that `save_pretrained` writes, and its weights files."""

    folder: Path
    weights: tuple[Path, ...]

    @property
    def is_safetensors(self) -> bool:
        """Whether the weights are safetensors; else they are torch files."""
        return self.weights[0].suffix == ".safetensors"

    def hash_weights(self) -> list[StoredTensor]:
        """Hash every tensor of every weights file."""
        read = hash_safetensors if self.is_safetensors else _hash_torch_file
        return [tensor for path in self.weights for tensor in read(path)]


def is_hub_name(name: str) -> bool:
    """Tell a hub name ("openai/clip-vit-base-patch32") from a path."""
    return HUB_NAME.fullmatch(name) is not None


def check_folder(folder: Path) -> ClipFiles:
    """Check that a local folder holds a CLIP checkpoint, without reading the weights.

    Raises:
        ConfigError: a file is missing or unreadable, or the model is not a CLIP model.
    """
    projection_dimensions(folder)
    if not any((folder / name).is_file() for name in PROCESSOR_NAMES):
        raise ConfigError(f"{folder} has no {PROCESSOR_NAMES[0]}; expected a CLIP checkpoint.")
    files = _find_weights(folder)
    if files is None:
        raise ConfigError(f"{folder} has no model.safetensors and no pytorch_model.bin.")
    if files.is_safetensors:
        for path in files.weights:
            read_safetensors_header(path)
    return files


def projection_dimensions(folder: Path) -> int:
    """Read the length of an embedding from a checkpoint's config.

    Raises:
        ConfigError: the config is missing or not that of a CLIP model.
    """
    path = folder / CONFIG_NAME
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as a model's config ({error}).") from error
    if not isinstance(config, dict) or config.get("model_type") != "clip":
        kind = config.get("model_type") if isinstance(config, dict) else config
        raise ConfigError(f"{path} describes a model of type {kind!r}; expected 'clip'.")
    dimensions = config.get("projection_dim", 512)  # CLIPConfig's default
    if type(dimensions) is not int or dimensions < 1:
        raise ConfigError(f"{path}: projection_dim is {dimensions!r}; expected a whole number.")
    return dimensions


def fetch_config(name: str) -> Path:
    """Return a folder that holds a hub model's config, downloaded where it is not cached.

    Raises:
        ModelUnavailable: it is not in the cache and cannot be downloaded.
    """
    for cached_only in (True, False):
        folder = _snapshot(name, [CONFIG_NAME], cached_only=cached_only)
        if folder is not None and (folder / CONFIG_NAME).is_file():
            return folder
    raise ModelUnavailable(f"The hub has no {CONFIG_NAME} for the model {name!r}.")


def fetch(name: str) -> ClipFiles:
    """Return a hub model's files, downloaded where they are not cached.

    The cache comes first: a model must not change under a gallery that it has embedded.

    Raises:
        ModelUnavailable: they are not in the cache and cannot be downloaded.
        ConfigError: what the hub has under this name is not a CLIP checkpoint.
    """
    for cached_only in (True, False):
        for weights in (SAFETENSORS, TORCH):
            folder = _snapshot(name, ["*.json", "*.txt", *weights], cached_only=cached_only)
            if folder is not None and _find_weights(folder) is not None:
                return check_folder(folder)
    raise ModelUnavailable(f"The hub has no weights for the model {name!r}.")


def first_line(error: Exception) -> str:
    """Shorten an error of a library to what fits into one sentence."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _snapshot(name: str, patterns: list[str], *, cached_only: bool) -> Path | None:
    """Return the folder of a hub model, or None where only the cache may be asked and has none."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=patterns, local_files_only=cached_only))
    except Exception as error:  # the hub's own, the HTTP library's and the disk's share no class
        if cached_only:
            return None
        raise ModelUnavailable(
            f"The model {name!r} is not cached and cannot be downloaded ({first_line(error)})."
        ) from error


def _find_weights(folder: Path) -> ClipFiles | None:
    for pattern in (*SAFETENSORS, *TORCH):
        if found := sorted(folder.glob(pattern)):
            return ClipFiles(folder, tuple(found))
    return None


def _hash_torch_file(path: Path) -> list[StoredTensor]:
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return [_hash_torch_tensor(name, tensor) for name, tensor in content.items()]
    except (*BROKEN_WEIGHTS, AttributeError, KeyError) as error:  # the last two: not tensors
        raise ConfigError(f"{path} cannot be read as tensors ({first_line(error)}).") from error


def _hash_torch_tensor(name: str, tensor: "torch.Tensor") -> StoredTensor:
    import torch

    header = TensorShape(name, DTYPE_CODES[str(tensor.dtype)], tuple(tensor.shape))
    data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy()
    return StoredTensor(header, hashlib.sha256(data.tobytes()).hexdigest())
