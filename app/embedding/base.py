"""What every embedding model promises; numpy and PIL only, so that a fake needs no torch."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.calibration.calibration import Calibration
from app.embedding.batching import Gathering
from app.embedding.precision import Precision
from app.errors import ModelUnavailable, TextNotSupported

Item = TypeVar("Item")
Pixels = NDArray[np.uint8]

DEFAULT_BATCH_SIZE = 32


class Embedder(ABC):
    """Turn pictures, and with some models sentences, into rows of unit length.

    `name`, `dimensions` and `supports_text` are known before the weights are loaded; the first
    use loads them. One instance may be used from several threads; what they want embedded at the
    same time goes through the model together.

    A model family implements `prepare`, `_read_weights`, `_compute_fingerprint` and
    `_embed_pixel_batch`, and overrides `embed_texts` where it understands text.
    """

    name: str
    supports_text: bool = False
    # What the network computes in, known once it is loaded.
    precision: Precision | None = None
    # Where its files are; None for a model of a hub.
    folder: Path | None = None
    # What its cosines are worth, where `scripts.calibrate` has found that out.
    calibration: Calibration | None = None

    def __init__(self, *, batch_size: int = DEFAULT_BATCH_SIZE) -> None:
        self.batch_size = batch_size
        self._load_lock = threading.Lock()
        # One forward pass at a time: torch already uses every core for it, so a second one beside
        # it would only add memory.
        self._gathering = Gathering()
        self._fingerprint_lock = threading.Lock()
        self._loaded = False
        self._known_fingerprint: str | None = None

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """Length of an embedding."""

    @property
    def is_loaded(self) -> bool:
        """Whether the weights are in memory."""
        return self._loaded

    def load(self) -> None:
        """Read the weights, once; later calls return at once.

        Raises:
            ModelUnavailable: the weights could not be had.
            ConfigError: they do not fit their description.
        """
        if self._loaded:
            return
        with self._load_lock:
            if not self._loaded:
                self._read_weights()
                self._loaded = True

    @property
    def fingerprint(self) -> str:
        """Identify what makes the vectors: 64 hexadecimal digits, see `fingerprint.py`.

        Raises:
            ModelUnavailable: the weights could not be had.
        """
        with self._fingerprint_lock:
            if self._known_fingerprint is None:
                self._known_fingerprint = self._compute_fingerprint()
            return self._known_fingerprint

    @property
    @abstractmethod
    def input_side_px(self) -> int:
        """Side of the square that the network sees."""

    @abstractmethod
    def prepare(self, image: Image.Image) -> Pixels:
        """Resize and crop a picture to exactly what the network sees; needs no weights, no torch.

        Many threads may call it at once: the work is Pillow's, which lets others run meanwhile.

        Args:
            image: upright RGB of any size.

        Returns:
            (input_side_px, input_side_px, 3) uint8.
        """

    def embed_prepared(self, pixels: Pixels) -> NDArray[np.float32]:
        """Embed pictures that went through `prepare`.

        Args:
            pixels: (n, input_side_px, input_side_px, 3) uint8; `batch_size` go through the
                network at a time.

        Returns:
            (n, d) float32, rows of unit length in the order of `pixels`.
        """
        parts = [np.empty((0, self.dimensions), dtype=np.float32)]
        for start in range(0, len(pixels), self.batch_size):
            self.load()
            batch = pixels[start : start + self.batch_size]
            parts.append(
                self._gathering.embed(self._embed_pixel_batch, batch, max_items=self.batch_size)
            )
        return unit_rows(np.concatenate(parts))

    @property
    def passes_at_once(self) -> int:
        """How many threads may usefully call `embed_in_own_pass` at the same time."""
        return 1

    def embed_in_own_pass(self, pixels: Pixels) -> NDArray[np.float32]:
        """Embed at most `batch_size` prepared pictures beside those of other threads, not together.

        For who has many full batches; a service's single pictures are better embedded together.
        """
        self.load()
        return unit_rows(self._embed_pixel_batch(pixels))

    def embed_images(self, images: Iterable[Image.Image]) -> NDArray[np.float32]:
        """Prepare and embed pictures.

        Args:
            images: upright RGB pictures of any size (`images.read_image` makes them), read
                `batch_size` at a time.

        Returns:
            (n, d) float32, rows of unit length in the order of `images`; (0, d) for none.
        """
        rows = [np.empty((0, self.dimensions), dtype=np.float32)]
        for batch in self._batches(images):
            rows.append(self.embed_prepared(np.stack([self.prepare(image) for image in batch])))
        return np.concatenate(rows)

    def embed_texts(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Embed sentences into the same space as the pictures.

        Returns:
            (n, d) float32, rows of unit length in the order of `texts`; (0, d) for none.

        Raises:
            TextNotSupported: the model only sees pictures.
        """
        raise TextNotSupported(
            f"The model {self.name} embeds images only; "
            "a text query needs a CLIP model (MODEL=clip) or an index of words "
            "(LEXICAL_INDEX_FILE)."
        )

    def _batches(self, items: Iterable[Item]) -> Iterator[list[Item]]:
        remaining = iter(items)
        while batch := list(islice(remaining, self.batch_size)):
            yield batch

    @abstractmethod
    def _read_weights(self) -> None:
        """Bring the weights into memory; called once, under the lock."""

    @abstractmethod
    def _compute_fingerprint(self) -> str:
        """Compute `fingerprint`; called once, perhaps while the weights load."""

    @abstractmethod
    def _embed_pixel_batch(self, pixels: Pixels) -> NDArray[np.float32]:
        """Embed at most `batch_size` prepared pictures, at least one, into (n, d) of any length."""


def require_loaded(embedder: Embedder) -> None:
    """Refuse what needs the model before it is there.

    Raises:
        ModelUnavailable: it is not loaded.
    """
    if not embedder.is_loaded:
        raise ModelUnavailable(f"The model {embedder.name} is still loading.")


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows scaled to unit length; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled
