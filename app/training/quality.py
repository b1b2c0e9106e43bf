"""How well a model retrieves: validation photos ask, the training photos are the gallery."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.embedding.base import Embedder
from app.embedding.images import read_image
from app.training.data import LabelledPhotos

PRECISION_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Quality:
    """Shares in [0, 1]; an item is relevant when it has the query's class."""

    recall_at_1: float
    precision_at_10: float
    map_at_r: float


def measure_quality(
    embedder: Embedder, gallery: LabelledPhotos, queries: LabelledPhotos
) -> Quality:
    """Embed both sets as the service does and rank the gallery for every query, exactly."""
    scores = _embed(embedder, queries) @ _embed(embedder, gallery).T
    ranking = np.argsort(-scores, axis=1, kind="stable")
    return score_rankings(_class_of_each(gallery)[ranking], _class_of_each(queries))


def score_rankings(ranked: NDArray[np.str_], wanted: NDArray[np.str_]) -> Quality:
    """Score whole rankings.

    MAP@R, the mean over queries of precision averaged over the relevant hits among the first R,
    where R relevant items exist: Musgrave, Belongie, Lim, "A Metric Learning Reality Check" (2020),
    https://arxiv.org/abs/2003.08505.

    Args:
        ranked: (q, n) class of each gallery item, best first.
        wanted: (q,) class of each query; each class occurs in the gallery.
    """
    relevant = ranked == wanted[:, None]
    depth = np.arange(1, ranked.shape[1] + 1)
    total = relevant.sum(axis=1, keepdims=True)
    precision = np.cumsum(relevant, axis=1) / depth
    counted = relevant & (depth <= total)
    average = (precision * counted).sum(axis=1) / total[:, 0]
    return Quality(
        recall_at_1=float(relevant[:, 0].mean()),
        precision_at_10=float(relevant[:, :PRECISION_DEPTH].mean()),
        map_at_r=float(average.mean()),
    )


def _embed(embedder: Embedder, photos: LabelledPhotos) -> NDArray[np.float32]:
    return embedder.embed_images(_pictures(photos.paths))


def _pictures(paths: tuple[Path, ...]) -> Iterator[Image.Image]:
    return (read_image(path) for path in paths)


def _class_of_each(photos: LabelledPhotos) -> NDArray[np.str_]:
    return np.array(photos.class_names)[np.array(photos.labels)]
