"""The pictures of a gallery with what says which of them match, embedded."""

import logging
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from app.calibration.pair_files import JudgedPair
from app.calibration.pairs import JudgedPictures, LabelledPictures
from app.documents import Embedding, GalleryImage
from app.embedding.base import Embedder, Pixels
from app.embedding.images import read_for_side
from app.errors import ServiceError, UnreadableImage
from app.ingest.failures import Failure
from app.ingest.reader import Row
from app.pictures import PictureBytes, PictureUnavailable

logger = logging.getLogger(__name__)


def labelled_pictures(
    rows: Iterable[Row],
    embedder: Embedder,
    *,
    label: str,
    limit: int | None,
    seed: int,
    max_pixels: int,
) -> LabelledPictures:
    """Embed the pictures that have a label.

    Args:
        rows: of a gallery.
        embedder: of the model that is calibrated.
        label: the field that says which pictures match.
        limit: take so many of them, at random; None for all.
        seed: of that choice.
        max_pixels: as `read_image` takes it.

    Raises:
        ServiceError: none has the label, or none can be read.
    """
    has_label = (row for row in _images(rows) if row.fields.get(label) is not None)
    labelled = list(has_label) if limit is None else _sample(has_label, limit, seed)
    if not labelled:
        raise ServiceError(f"No picture of the gallery has a {label}; --label names another field.")
    read, embeddings = _embedded(labelled, embedder, max_pixels)
    return LabelledPictures(embeddings, [str(one.fields[label]) for one in read])


def judged_pictures(
    rows: Iterable[Row], embedder: Embedder, judged: Sequence[JudgedPair], *, max_pixels: int
) -> JudgedPictures:
    """Embed the pictures of judged pairs; pairs of which one cannot be read are left out.

    Args:
        rows: of the gallery whose ids the pairs name.
        embedder: of the model that is calibrated.
        judged: the pairs.
        max_pixels: as `read_image` takes it.

    Raises:
        ServiceError: the gallery lacks a picture that a pair names, or none can be read.
    """
    names = {name for pair in judged for name in (pair.a, pair.b)}
    images = [row for row in _images(rows) if str(row.item_id) in names]
    missing = sorted(names - {str(one.item_id) for one in images})
    if missing:
        raise ServiceError(f"The gallery has no picture {missing[0]!r}, which --pairs names.")
    read, embeddings = _embedded(images, embedder, max_pixels)
    at = {str(one.item_id): row for row, one in enumerate(read)}
    kept = [pair for pair in judged if pair.a in at and pair.b in at]
    return JudgedPictures(
        embeddings,
        np.array([at[pair.a] for pair in kept], dtype=np.int64),
        np.array([at[pair.b] for pair in kept], dtype=np.int64),
        np.array([pair.is_match for pair in kept], dtype=np.bool_),
    )


def _images(rows: Iterable[Row]) -> Iterator[GalleryImage]:
    for row in rows:
        if isinstance(row, Failure):
            logger.warning("%s is left out: %s", row.source, row.reason)
        else:
            yield row


def _sample(images: Iterable[GalleryImage], count: int, seed: int) -> list[GalleryImage]:
    """Choose so many at random, or all where there are no more; holds no others in memory."""
    kept: list[GalleryImage] = []
    chance = random.Random(seed)
    for seen, image in enumerate(images, 1):
        if len(kept) < count:
            kept.append(image)
        elif (place := chance.randrange(seen)) < count:
            kept[place] = image
    return kept


def _embedded(
    images: Sequence[GalleryImage], embedder: Embedder, max_pixels: int
) -> tuple[list[GalleryImage], Embedding]:
    """Return the images that can be read, and their embeddings: (n, d) float32 of unit length."""
    read: list[GalleryImage] = []
    rows = []
    prepared = _prepared(images, embedder, max_pixels)
    while batch := list(islice(prepared, embedder.batch_size)):
        read += [image for image, _ in batch]
        rows.append(embedder.embed_prepared(np.stack([pixels for _, pixels in batch])))
    if not rows:
        raise ServiceError("No picture of the gallery that is needed can be read.")
    return read, np.concatenate(rows)


def _prepared(
    images: Sequence[GalleryImage], embedder: Embedder, max_pixels: int
) -> Iterator[tuple[GalleryImage, Pixels]]:
    for image in images:
        try:
            picture = image.source.read(known=None)
            assert isinstance(picture, PictureBytes)  # nothing was known
            decoded = read_for_side(picture.content, embedder.input_side_px, max_pixels=max_pixels)
        except (UnreadableImage, PictureUnavailable) as error:
            logger.warning("%s is left out: %s", image.source, error)
            continue
        yield image, embedder.prepare(decoded.image)
