"""What the model families share once torch is at hand: device, precision, and forward passes.

Importable without torch, which the first `load` brings in.
"""

import copy
import logging
import os
import threading
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.config import PrecisionSetting
from app.embedding.base import DEFAULT_BATCH_SIZE, Embedder, Pixels, unit_rows
from app.embedding.precision import (
    MIN_COSINE,
    made_pictures,
    min_cosine,
)

if TYPE_CHECKING:
    import torch
    from torch import nn

    from app.embedding.networks import PixelScaling

logger = logging.getLogger(__name__)

# Each pass beside others holds a batch and its activations, a few hundred megabytes.
MAX_PASSES = 8
SELF_CHECK_PICTURES = 4


class TorchEmbedder(Embedder):
    """Embed with a torch network; a family says how it is read and what it may be trusted with.

    A family's `_read_weights` ends in a call of `_install`.
    """

    def __init__(
        self,
        *,
        batch_size: int = DEFAULT_BATCH_SIZE,
        precision: PrecisionSetting = "auto",
    ) -> None:
        super().__init__(batch_size=batch_size)
        self._setting = precision
        self._device: torch.device
        self._network: nn.Module
        self._scaling: PixelScaling
        self._passes: threading.Semaphore
        self._threads = self._threads_beside = 1

    @property
    def passes_at_once(self) -> int:
        """How many threads may usefully call `embed_in_own_pass` at the same time."""
        return min(MAX_PASSES, len(os.sched_getaffinity(0)))

    def embed_in_own_pass(self, pixels: Pixels) -> NDArray[np.float32]:
        """Embed prepared pictures, on the calling thread's own share of the cores.

        A pass over all cores waits at every layer for the slowest of them, and spins meanwhile;
        passes that share nothing took half the processor time while pictures were decoded.
        """
        import torch

        self.load()
        with self._passes:
            # OpenMP's number is each thread's own, and torch's the one that new threads begin with.
            torch.set_num_threads(self._threads_beside)
            try:
                return unit_rows(self._embed_pixel_batch(pixels))
            finally:
                torch.set_num_threads(self._threads)

    def _install(
        self,
        network: "nn.Module",
        *,
        rescale_factor: float,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        """Take the network into use: on the device, in the precision that suits both.

        Args:
            network: (n, 3, s, s) float pixels to (n, d); float32, for evaluation.
            rescale_factor: what a pixel is multiplied with first.
            mean: of each channel, subtracted then.
            std: of each channel, divided by last.
        """
        import torch

        from app.embedding.networks import PixelScaling, choose_device

        self._device = choose_device()
        self._scaling = PixelScaling(rescale_factor, mean, std, self._device)
        self._network = network.to(self._device)
        self._threads = torch.get_num_threads()
        self._threads_beside = max(1, self._threads // MAX_PASSES)
        self._passes = threading.Semaphore(self._threads // self._threads_beside)
        self.precision = "fp32"
        if self._setting != "fp32":
            self._take_bf16_where_it_fits()
        logger.info("%s runs on %s in %s", self.name, self._device, self.precision)

    def _take_bf16_where_it_fits(self) -> None:
        import torch

        from app.embedding.networks import computes_bf16_well

        if self._setting == "auto" and not computes_bf16_well(self._device):
            return
        exact = self._network
        self._network = copy.deepcopy(exact).to(torch.bfloat16)
        self.precision = "bf16"
        if self._setting == "auto" and not self._is_bf16_safe(exact):
            self._network, self.precision = exact, "fp32"

    def _is_bf16_safe(self, exact: "nn.Module") -> bool:
        """Return whether the network, which is in bfloat16 already, may stay so."""
        pixels = made_pictures(SELF_CHECK_PICTURES, self.input_side_px)
        cosine = min_cosine(
            unit_rows(self._run(exact, pixels)), unit_rows(self._run(self._network, pixels))
        )
        if not cosine >= MIN_COSINE:  # NaN is not safe either
            logger.warning(
                "%s runs in fp32: in bf16 a vector's cosine to its own is %.4f, less than %s",
                self.name,
                cosine,
                MIN_COSINE,
            )
            return False
        return True

    def _embed_pixel_batch(self, pixels: Pixels) -> NDArray[np.float32]:
        return self._run(self._network, pixels)

    def _run(self, network: "nn.Module", pixels: Pixels) -> NDArray[np.float32]:
        import torch

        dtype = next(network.parameters()).dtype
        with torch.inference_mode():
            embeddings = network(self._scaling(pixels).to(dtype))
        rows: NDArray[np.float32] = embeddings.float().cpu().numpy()
        return rows

    @abstractmethod
    def _read_weights(self) -> None:
        """Read the weights and `_install` the network."""
