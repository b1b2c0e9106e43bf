"""How well the database finds pictures of a query's class: embed the queries, ask, measure.

Asked is the database itself, exactly, so that the figures are the model's and not those of an
approximate index; `evaluation` holds the measures.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from PIL.Image import Image
from pymongo.collection import Collection

from app.documents import Embedding
from app.embedding.base import Embedder
from app.embedding.images import read_image
from app.errors import ServiceError, UnreadableImage
from app.evaluation import Ranking, map_at_r, precision_at_k, recall_at_k
from app.indexes import SearchIndex
from app.ingest.failures import Failure
from app.ingest.reader import Row
from app.pictures import PictureBytes, PictureUnavailable
from app.pipelines import Pipeline, exact_pipeline

logger = logging.getLogger(__name__)

PRECISION_AT = 10
# An exact search over millions is slow, and nobody waits at a page for this one.
MAX_TIME_MS = 60_000

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RetrievalQuality:
    """Means over the queries whose class the gallery has; a result of that class is relevant.

    Attributes:
        recall_at_1: share of queries with a relevant result first.
        queries: how many the means are over.
        queries_failed: pictures that could not be read, or without a category; in no mean.
        queries_without_relevant: of a class that the gallery does not have; in no mean.
    """

    recall_at_1: float
    precision_at_10: float
    map_at_r: float
    gallery: int
    classes: int
    queries: int
    queries_failed: int
    queries_without_relevant: int


def measure_retrieval(
    collection: Collection[Document],
    index: SearchIndex,
    embedder: Embedder,
    queries: Iterable[Row],
    *,
    max_pixels: int,
) -> RetrievalQuality:
    """Ask the database for each query's R nearest, R being how many of its class there are.

    Args:
        collection: an embedded gallery whose documents have a `category`.
        index: its search index, queryable.
        embedder: of the model that embedded the gallery.
        queries: pictures with a `category`, none of them in the gallery.
        max_pixels: as `read_image` takes it.

    Raises:
        ServiceError: no query has anything to find.
        The driver's errors.
    """
    class_sizes = Counter(
        document.get("category") for document in collection.find({}, {"category": 1})
    )
    rankings: list[Ranking] = []
    relevant_counts: list[int] = []
    outcomes: Counter[str] = Counter()
    pictures = _pictures(queries, max_pixels, outcomes)
    for category, embedding in _embedded(pictures, embedder):
        relevant_count = class_sizes[category]
        if relevant_count == 0:
            outcomes["without_relevant"] += 1
            continue
        limit = max(relevant_count, PRECISION_AT)
        pipeline = _pipeline(index, embedding, limit)
        results = collection.aggregate(pipeline, maxTimeMS=MAX_TIME_MS)
        rankings.append(np.array([one.get("category") == category for one in results], np.bool_))
        relevant_counts.append(relevant_count)
    if not rankings:
        raise ServiceError("No query has a category that the gallery has; nothing to measure.")
    return RetrievalQuality(
        recall_at_1=recall_at_k(rankings, 1),
        precision_at_10=precision_at_k(rankings, PRECISION_AT),
        map_at_r=map_at_r(rankings, relevant_counts),
        gallery=class_sizes.total(),
        classes=len(class_sizes),
        queries=len(rankings),
        queries_failed=outcomes["failed"],
        queries_without_relevant=outcomes["without_relevant"],
    )


def _pipeline(index: SearchIndex, embedding: Embedding, limit: int) -> Pipeline:
    stages = exact_pipeline(index, embedding, limit=limit)
    return [*stages, {"$project": {"category": "$item.category"}}]


def _embedded(
    pictures: Iterable[tuple[str, Image]], embedder: Embedder
) -> Iterator[tuple[str, Embedding]]:
    remaining = iter(pictures)
    while batch := list(islice(remaining, embedder.batch_size)):
        embeddings = embedder.embed_images(picture for _, picture in batch)
        yield from zip((category for category, _ in batch), embeddings, strict=True)


def _pictures(
    rows: Iterable[Row], max_pixels: int, outcomes: Counter[str]
) -> Iterator[tuple[str, Image]]:
    """Yield category and pixels of each query, and count those that have none in `outcomes`."""
    for row in rows:
        try:
            if isinstance(row, Failure):
                raise UnreadableImage(row.reason)
            category = row.fields.get("category")
            if not isinstance(category, str):
                raise UnreadableImage("It has no category.")
            picture = row.source.read(known=None)
            assert isinstance(picture, PictureBytes)  # nothing was known
            yield category, read_image(picture.content, max_pixels=max_pixels)
        except (UnreadableImage, PictureUnavailable) as error:
            outcomes["failed"] += 1
            logger.warning("Query %s is left out: %s", row.source, error)
