"""The clothing model: a checkpoint folder of this project's own training, images only.

Importable without torch; `networks.py` holds the layers and is imported when the weights load.
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.embedding.base import DEFAULT_BATCH_SIZE, Embedder, Pixels
from app.embedding.checkpoints import (
    WEIGHTS_NAME,
    check_weights_header,
    read_manifest,
)
from app.embedding.fingerprint import fingerprint, hash_safetensors

if TYPE_CHECKING:
    from app.embedding.networks import ClothingNetwork, PixelScaling

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
        self._scaling: PixelScaling

    @property
    def dimensions(self) -> int:
        """Length of an embedding, from the manifest."""
        return self._manifest.dimensions

    @property
    def input_side_px(self) -> int:
        """Side of the square that the network sees, from the manifest."""
        return self._manifest.preprocessing.side_px

    def prepare(self, image: Image.Image) -> Pixels:
        """Stretch a picture to the square that the network sees."""
        steps = self._manifest.preprocessing
        size = (steps.side_px, steps.side_px)
        return np.asarray(image.resize(size, RESAMPLING[steps.interpolation]))

    def _read_weights(self) -> None:
        import torch

        from app.embedding.networks import (
            PixelScaling,
            build_network,
            choose_device,
            load_weights,
        )

        network = build_network(self._manifest.backbone, self._manifest.dimensions)
        load_weights(network, self._folder / WEIGHTS_NAME)
        device = choose_device()
        self._network = network.eval().to(memory_format=torch.channels_last).to(device)
        steps = self._manifest.preprocessing
        self._scaling = PixelScaling(1 / 255, steps.mean, steps.std, device)

    def _compute_fingerprint(self) -> str:
        return fingerprint(
            hash_safetensors(self._folder / WEIGHTS_NAME),
            architecture={"backbone": self._manifest.backbone},
            preprocessing=asdict(self._manifest.preprocessing),
            pooling=self._manifest.pooling,
            dimensions=self.dimensions,
            vector_type=self._vector_type,
        )

    def _embed_pixel_batch(self, pixels: Pixels) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            embeddings = self._network(self._scaling(pixels))
        rows: NDArray[np.float32] = embeddings.cpu().numpy()
        return rows
