"""The clothing model: a checkpoint folder of this project's own training, images only.

Importable without torch; `networks.py` holds the layers and is imported when the weights load.
"""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from app.calibration.files import read_calibration
from app.config import PrecisionSetting
from app.embedding.base import DEFAULT_BATCH_SIZE, Pixels
from app.embedding.checkpoints import (
    WEIGHTS_NAME,
    check_weights_header,
    read_manifest,
)
from app.embedding.fingerprint import fingerprint, hash_safetensors
from app.embedding.torch_embedder import TorchEmbedder

if TYPE_CHECKING:
    from torch import nn

logger = logging.getLogger(__name__)

RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


class ClothingEmbedder(TorchEmbedder):
    """Embed pictures with a fine-tuned backbone and its projection head."""

    folder: Path

    def __init__(
        self,
        folder: Path,
        *,
        vector_type: str = "float32",
        batch_size: int = DEFAULT_BATCH_SIZE,
        precision: PrecisionSetting = "auto",
    ) -> None:
        """Check the checkpoint's description; the weights are read on first use.

        Raises:
            ConfigError: the manifest, the header of the weights file or the calibration is
                unusable.
        """
        super().__init__(batch_size=batch_size, precision=precision)
        self.folder = folder
        self._vector_type = vector_type
        self._manifest = read_manifest(folder)
        check_weights_header(folder, self._manifest)
        self.calibration = read_calibration(folder)
        self.name = folder.resolve().name

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

        from app.embedding.networks import build_network, fuse_normalisations, load_weights

        network = build_network(self._manifest.backbone, self._manifest.dimensions)
        load_weights(network, self.folder / WEIGHTS_NAME)
        fuse_normalisations(network.eval())
        steps = self._manifest.preprocessing
        self._install(
            network.to(memory_format=torch.channels_last),
            rescale_factor=1 / 255,
            mean=steps.mean,
            std=steps.std,
        )

    def _is_bf16_safe(self, exact: "nn.Module") -> bool:
        """Return what the manifest says; one that says nothing was never checked."""
        check = self._manifest.bf16
        if check is None or not check.is_safe:
            logger.info("%s runs in fp32: %s", self.name, check or "bf16 was never checked")
        return check is not None and check.is_safe

    def _compute_fingerprint(self) -> str:
        return fingerprint(
            hash_safetensors(self.folder / WEIGHTS_NAME),
            architecture={"backbone": self._manifest.backbone},
            preprocessing=asdict(self._manifest.preprocessing),
            pooling=self._manifest.pooling,
            dimensions=self.dimensions,
            vector_type=self._vector_type,
        )
