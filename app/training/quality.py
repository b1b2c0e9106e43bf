"""How well a model retrieves: validation photos ask, the training photos are the gallery."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.embedding.base import Embedder
from app.embedding.images import read_image
from app.evaluation import map_at_r, precision_at_k, recall_at_k
from app.training.data import LabelledPhotos


@dataclass(frozen=True, slots=True)
class Quality:
    """Shares in [0, 1]; an item is relevant when it has the query's class."""

    recall_at_1: float
    precision_at_10: float
    map_at_r: float


def measure_quality(
    embedder: Embedder,
    gallery: LabelledPhotos,
    queries: LabelledPhotos,
    query_embeddings: NDArray[np.float32],
) -> Quality:
    """Embed the gallery as the service does and rank it for every query, exactly.

    Ties rank in the gallery's order.

    Args:
        embedder: of the model that is measured.
        gallery: what is ranked.
        queries: what asks.
        query_embeddings: (n, d) of the queries, as `embed` makes them.
    """
    scores = query_embeddings @ embed(embedder, gallery).T
    order = np.argsort(-scores, axis=1, kind="stable")
    rankings = list(classes(gallery)[order] == classes(queries)[:, None])
    return Quality(
        recall_at_1=recall_at_k(rankings, 1),
        precision_at_10=precision_at_k(rankings, 10),
        map_at_r=map_at_r(rankings, [int(ranking.sum()) for ranking in rankings]),
    )


def embed(embedder: Embedder, photos: LabelledPhotos) -> NDArray[np.float32]:
    """Embed photos as the service does: (n, d), rows of unit length."""
    return embedder.embed_images(_pictures(photos.paths))


def _pictures(paths: tuple[Path, ...]) -> Iterator[Image.Image]:
    return (read_image(path) for path in paths)


def classes(photos: LabelledPhotos) -> NDArray[np.str_]:
    """Return the class name of each photo; numbers differ where one set lacks a class."""
    names: NDArray[np.str_] = np.array([photos.class_names[label] for label in photos.labels])
    return names
