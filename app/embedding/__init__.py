"""The embedding models, by name. Importing this, and naming a model, loads no torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.config import PrecisionSetting
from app.embedding.base import Embedder
from app.embedding.clip import ClipEmbedder
from app.embedding.clip_files import is_hub_name
from app.embedding.clothing import ClothingEmbedder
from app.errors import ConfigError

__all__ = ["DEFAULT_CLIP", "SHIPPED_CHECKPOINT", "Embedder", "checkpoint_folder", "load_embedder"]

SHIPPED_CHECKPOINT = Path(__file__).parents[2] / "models" / "clothing-efficientnet-lite0"
DEFAULT_CLIP = "openai/clip-vit-base-patch32"


def load_embedder(
    model: str, *, vector_type: str = "float32", precision: PrecisionSetting = "auto"
) -> Embedder:
    """Make the embedder that a `MODEL` setting names; its weights load on first use.

    Args:
        model: "clothing" (the checkpoint that ships), "clothing:<folder>",
            "clip" (openai/clip-vit-base-patch32) or "clip:<hub name or folder>".
        vector_type: how the index stores its vectors; part of the fingerprint.
        precision: what the network computes in; "auto" is the fastest that is safe.

    Raises:
        ConfigError: the family is unknown, or the folder is missing or not such a checkpoint.
    """
    family, colon, source = model.partition(":")
    is_complete = bool(source) or not colon
    if is_complete and family == "clothing":
        folder = Path(source) if source else SHIPPED_CHECKPOINT
        folder = _existing(folder, model)
        with _naming(model):
            return ClothingEmbedder(folder, vector_type=vector_type, precision=precision)
    if is_complete and family == "clip":
        source = source or DEFAULT_CLIP
        named = is_hub_name(source) and not Path(source).is_dir()
        checkpoint = source if named else _existing(Path(source), model)
        with _naming(model):
            return ClipEmbedder(checkpoint, vector_type=vector_type, precision=precision)
    raise ConfigError(
        f"MODEL is {model!r}; expected clothing, clothing:<folder>, clip or "
        "clip:<hub name or folder>."
    )


def checkpoint_folder(model: str) -> Path:
    """Return the folder of the clothing checkpoint that a `MODEL` setting names.

    Raises:
        ConfigError: it names a model of another family, or no folder.
    """
    family, _, source = model.partition(":")
    if family != "clothing":
        raise ConfigError(
            f"{model!r} has no manifest of ours; expected clothing or clothing:<folder>."
        )
    return _existing(Path(source), model) if source else SHIPPED_CHECKPOINT


@contextmanager
def _naming(model: str) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"MODEL is {model!r}; {error.message}") from error


def _existing(folder: Path, model: str) -> Path:
    if not folder.is_dir():
        raise ConfigError(f"MODEL is {model!r}; there is no folder {folder}.")
    return folder
