"""Real vectors: photos, cropped and flipped at random, as the model that ships embeds them.

One photo in ten is set aside, and the queries are crops of those: nothing stored is of their photo.
Embedding takes minutes, so it is kept in a file. The clusters that filters keep are found by
k-means, which there are more of than classes of clothes.
"""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
from PIL import Image

from app.embedding import load_embedder
from app.embedding.base import Embedder
from app.embedding.images import read_image
from app.errors import ConfigError
from scripts.benchmarking.dataset import Codes, Floats

logger = logging.getLogger(__name__)

MODEL = "clothing"

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_SET_ASIDE = 10
_QUERY_PART = 0.1
_LEAST_CROP = 0.6  # of each side
_MOST_CLUSTERS = 100
# k-means wants so many vectors for each centre.
_ROWS_PER_CLUSTER = 40
_AT_ONCE = 20_000


class PhotoVectors:
    """Embedded photos, stored ones and queries.

    Args:
        stored: (n, d) float32, rows of unit length.
        queries: (q, d) float32 of other photos.
        seed: of the clustering.
    """

    def __init__(self, stored: Floats, queries: Floats, seed: int) -> None:
        self.count = len(stored)
        self.clusters = min(_MOST_CLUSTERS, max(2, self.count // _ROWS_PER_CLUSTER))
        self._stored = stored
        self._queries = queries
        clustering = faiss.Kmeans(stored.shape[1], self.clusters, seed=seed, spherical=True)
        clustering.train(stored)
        assert clustering.centroids is not None
        self._codes = _nearest(clustering.centroids, stored)
        self._query_codes = _nearest(clustering.centroids, queries)

    def parts(self) -> Iterator[tuple[Floats, Codes]]:
        """Return the stored vectors with their clusters."""
        for start in range(0, self.count, _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            yield self._stored[rows], self._codes[rows]

    def queries(self, count: int, codes: range) -> Floats:
        """Return the first queries of some clusters, fewer where there are not so many.

        Raises:
            ConfigError: there are none.
        """
        chosen = (self._query_codes >= codes.start) & (self._query_codes < codes.stop)
        found: Floats = self._queries[chosen][:count]
        if not len(found):
            raise ConfigError(
                f"None of the {len(self._queries)} query photos is in the clusters {codes.start} "
                f"to {codes.stop - 1}; expected more photos."
            )
        return found


def photo_vectors(photos: Path | None, cache: Path | None, count: int, seed: int) -> PhotoVectors:
    """Read the embeddings from a file, or embed photos and write it.

    Args:
        photos: a folder, searched below; may be None where the file is there.
        cache: the file, a .npz; None to embed without keeping it.
        count: how many vectors to store.
        seed: of the crops and the clustering.

    Raises:
        ConfigError: the folder or the file cannot be used.
    """
    if cache is not None and cache.exists():
        stored, queries = _read(cache)
    elif photos is not None:
        stored, queries = _embed(photos, count, seed)
        if cache is not None:
            np.savez(cache, stored=stored, queries=queries)
    else:
        raise ConfigError(f"--cache {cache} does not exist; expected it, or --photos to make it.")
    if len(stored) < count:
        raise ConfigError(f"--cache {cache} holds {len(stored)} vectors; expected {count} or more.")
    return PhotoVectors(stored[:count], queries, seed)


def _read(cache: Path) -> tuple[Floats, Floats]:
    try:
        with np.load(cache) as arrays:
            return arrays["stored"], arrays["queries"]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"--cache {cache} is no file of embedded photos; expected one that this command wrote."
        ) from error


def _embed(photos: Path, count: int, seed: int) -> tuple[Floats, Floats]:
    paths = sorted(path for path in photos.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if len(paths) < _SET_ASIDE:
        raise ConfigError(
            f"--photos {photos} holds {len(paths)} photos; expected {_SET_ASIDE} or more."
        )
    random = np.random.default_rng(seed)
    random.shuffle(paths)
    aside = len(paths) // _SET_ASIDE
    embedder = load_embedder(MODEL)
    logger.info("Embedding %d crops of %d photos with %s", count, len(paths), embedder.name)
    stored = _embed_crops(embedder, paths[aside:], count, random)
    queries = _embed_crops(embedder, paths[:aside], int(count * _QUERY_PART), random)
    return stored, queries


def _embed_crops(
    embedder: Embedder, paths: list[Path], count: int, random: np.random.Generator
) -> Floats:
    """Embed equally many crops of each photo, and put them into random order."""
    each = -(-count // len(paths))
    embeddings = embedder.embed_images(_crops(paths[:count], each, random))
    chosen: Floats = embeddings[random.permutation(len(embeddings))[:count]]
    return chosen


def _crops(paths: Iterable[Path], each: int, random: np.random.Generator) -> Iterator[Image.Image]:
    for path in paths:
        photo = read_image(path)
        for _ in range(each):
            yield _crop(photo, random)


def _crop(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    width, height = (max(1, round(side * random.uniform(_LEAST_CROP, 1.0))) for side in photo.size)
    left = int(random.integers(photo.width - width + 1))
    top = int(random.integers(photo.height - height + 1))
    cropped = photo.crop((left, top, left + width, top + height))
    if random.random() < 0.5:
        return cropped.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return cropped


def _nearest(centroids: Floats, rows: Floats) -> Codes:
    codes: npt.NDArray[np.int32] = np.argmax(rows @ centroids.T, axis=1).astype(np.int32)
    return codes
