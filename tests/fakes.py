"""Stand-ins that are deterministic and light: no weights, no torch."""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.embedding.base import Embedder, Pixels
from app.errors import ModelUnavailable

COLORS = {
    "red": (220, 30, 30),
    "green": (30, 160, 60),
    "blue": (40, 70, 210),
    "black": (15, 15, 15),
    "white": (245, 245, 245),
    "yellow": (240, 220, 40),
}


class FakeEmbedder(Embedder):
    """Embed a picture by its colours on a small grid, so that a test can see what is similar.

    The first numbers are the mean red, green and blue, then those of ever finer grid cells, as
    many as `dimensions` asks for. A sentence is embedded like a picture of the first colour word
    that it holds, grey without one.
    """

    def __init__(
        self,
        dimensions: int = 512,
        *,
        name: str = "fake",
        vector_type: str = "float32",
        supports_text: bool = True,
        batch_size: int = 4,
    ) -> None:
        super().__init__(batch_size=batch_size)
        self.name = name
        self.supports_text = supports_text
        self._dimensions = dimensions
        self._vector_type = vector_type
        self.fails_to_load = False
        self.batches: list[int] = []

    @property
    def dimensions(self) -> int:
        return self._dimensions

    def embed_texts(self, texts: Iterable[str]) -> NDArray[np.float32]:
        if not self.supports_text:
            return super().embed_texts(texts)
        return self.embed_images(_picture_of(text) for text in texts)

    def _read_weights(self) -> None:
        if self.fails_to_load:
            raise ModelUnavailable(f"The model {self.name} cannot be downloaded.")
        self.precision = "fp32"

    def _compute_fingerprint(self) -> str:
        parts = f"{self.name} {self._dimensions} {self._vector_type}"
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def input_side_px(self) -> int:
        return 32

    def prepare(self, image: Image.Image) -> Pixels:
        size = (self.input_side_px, self.input_side_px)
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BOX))

    def _embed_pixel_batch(self, pixels: Pixels) -> NDArray[np.float32]:
        self.batches.append(len(pixels))
        return np.stack([self._embed_one(Image.fromarray(one)) for one in pixels])

    def _embed_one(self, image: Image.Image) -> NDArray[np.float32]:
        numbers: list[float] = []
        side = 1
        while len(numbers) < self._dimensions:
            cells = image.resize((side, side), Image.Resampling.BOX)
            # Cosine sees directions only; centred, a dark and a light red are not one direction.
            numbers.extend(np.asarray(cells, dtype=np.float32).ravel() / 128 - 1)
            side *= 2
        row = np.array(numbers[: self._dimensions], dtype=np.float32)
        # A mid-grey picture would be the zero vector, which has no direction.
        row[0] += np.float32(1e-3)
        return row


def _picture_of(text: str) -> Image.Image:
    named = (COLORS[word] for word in text.lower().split() if word in COLORS)
    return Image.new("RGB", (8, 8), next(named, (128, 128, 128)))
