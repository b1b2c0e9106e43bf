"""The vectors of a run and what is stored beside them, in files that every process can read.

A file of vectors is read in batches, not mapped: mapped pages would count as memory of the system
that reads them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]

_EMBEDDINGS, _CODES, _PRICES = "embeddings.f32", "categories.i32", "prices.f64"


@dataclass(frozen=True, slots=True)
class Items:
    """Some consecutive items.

    Attributes:
        start: the number of the first.
        embeddings: (n, d) float32, rows of unit length.
        codes: (n,) int32, the category of each.
        prices: (n,) float64, uniform in [0, 1).
    """

    start: int
    embeddings: Floats
    codes: Codes
    prices: Doubles

    @property
    def numbers(self) -> range:
        """The numbers of the items, which are their ids."""
        return range(self.start, self.start + len(self.codes))

    @property
    def categories(self) -> list[str]:
        """The name of each item's category."""
        return [category_name(code) for code in self.codes.tolist()]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Vectors in files; see `write_dataset`.

    Attributes:
        folder: where the files are.
        count: how many items.
        dimensions: of their vectors.
    """

    folder: Path
    count: int
    dimensions: int

    def batches(self, size: int) -> Iterator[Items]:
        """Read the items in order, `size` at a time."""
        codes = np.fromfile(self.folder / _CODES, np.int32)
        prices = np.fromfile(self.folder / _PRICES, np.float64)
        with (self.folder / _EMBEDDINGS).open("rb") as file:
            for start in range(0, self.count, size):
                rows = slice(start, min(start + size, self.count))
                numbers = np.fromfile(file, np.float32, (rows.stop - start) * self.dimensions)
                embeddings = numbers.reshape(-1, self.dimensions)
                yield Items(start, embeddings, codes[rows], prices[rows])


def write_dataset(folder: Path, parts: Iterable[tuple[Floats, Codes]], *, seed: int) -> Dataset:
    """Write vectors and their categories, and draw a price for each.

    Args:
        folder: made where it is missing.
        parts: (n, d) vectors of unit length and their (n,) categories, read one after the other.
        seed: of the prices.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    count, dimensions = 0, 0
    with (
        (folder / _EMBEDDINGS).open("wb") as embeddings_file,
        (folder / _CODES).open("wb") as codes_file,
        (folder / _PRICES).open("wb") as prices_file,
    ):
        for embeddings, codes in parts:
            count, dimensions = count + len(codes), embeddings.shape[1]
            embeddings.astype(np.float32, copy=False).tofile(embeddings_file)
            codes.astype(np.int32, copy=False).tofile(codes_file)
            random.random(len(codes)).tofile(prices_file)
    return Dataset(folder, count, dimensions)


def category_name(code: int) -> str:
    """Return the name of a category, as the systems store it."""
    return f"category-{code:03d}"
