"""The clothing model: a checkpoint folder of this project's own training, images only.

Importable without torch; `networks.py` holds the layers and is imported when the weights load.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.embedding.base import DEFAULT_BATCH_SIZE, Embedder
from app.embedding.checkpoints import (
    WEIGHTS_NAME,
    Preprocessing,
    check_weights_header,
    read_manifest,
)
from app.embedding.fingerprint import fingerprint, hash_safetensors

if TYPE_CHECKING:
    import torch

    from app.embedding.networks import ClothingNetwork

RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


class ClothingEmbedder(Embedder):
    """Embed pictures with a fine-tuned backbone and its projection head."""

    def __init__(
        self, folder: Path, *, vector_type: str = "float32", batch_size: int = DEFAULT_BATCH_SIZE
    ) -> None:
        """Check the checkpoint's description; the weights are read on first use.

        Raises:
            ConfigError: the manifest or the header of the weights file is unusable.
        """
        super().__init__(batch_size=batch_size)
        self._folder = folder
        self._vector_type = vector_type
        self._manifest = read_manifest(folder)
        check_weights_header(folder, self._manifest)
        self.name = folder.resolve().name
        self._network: ClothingNetwork
        self._device: torch.device

    @property
    def dimensions(self) -> int:
        """Length of an embedding, from the manifest."""
        return self._manifest.dimensions

    def _read_weights(self) -> None:
        import torch

        from app.embedding.networks import build_network, choose_device, load_weights

        network = build_network(self._manifest.backbone, self._manifest.dimensions)
        load_weights(network, self._folder / WEIGHTS_NAME)
        self._device = choose_device()
        self._network = network.eval().to(memory_format=torch.channels_last).to(self._device)

    def _compute_fingerprint(self) -> str:
        return fingerprint(
            hash_safetensors(self._folder / WEIGHTS_NAME),
            architecture={"backbone": self._manifest.backbone},
            preprocessing=asdict(self._manifest.preprocessing),
            pooling=self._manifest.pooling,
            dimensions=self.dimensions,
            vector_type=self._vector_type,
        )

    def _embed_image_batch(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        import torch

        steps = self._manifest.preprocessing
        pixels = torch.from_numpy(_resized(images, steps)).to(self._device)
        mean, std = torch.tensor((steps.mean, steps.std), device=self._device)
        with torch.inference_mode():
            normalised = (pixels.float() / 255 - mean) / std
            # (b, s, s, 3) seen as (b, 3, s, s) already is torch's channels_last layout.
            embeddings = self._network(normalised.permute(0, 3, 1, 2))
        rows: NDArray[np.float32] = embeddings.cpu().numpy()
        return rows


def _resized(images: Sequence[Image.Image], steps: Preprocessing) -> NDArray[np.uint8]:
    """Bring pictures to one size, as (b, side_px, side_px, 3)."""
    size = (steps.side_px, steps.side_px)
    resampling = RESAMPLING[steps.interpolation]
    return np.stack([np.asarray(image.resize(size, resampling)) for image in images])
