"""A shop's gallery of drawn vectors: as many items as wanted, written as ingestion writes them."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo.collection import Collection

from app.documents import GalleryImage, ImageFacts, to_document
from app.indexes import SearchIndex
from app.lexical_indexes import LexicalIndex
from app.live_indexes import (
    apply_index,
    create_collection,
    create_ordinary_indexes,
    wait_until_queryable,
)
from app.pictures import FilePicture
from scripts.benchmarking.clusters import ClusteredVectors

STYLES = ("striped", "plain", "floral", "quilted", "checked", "dotted", "washed")
FABRICS = ("cotton", "linen", "wool", "denim", "silk")
GARMENTS = ("dress", "jacket", "shirt", "skirt", "coat", "jumper", "blouse", "vest", "hoodie")
COLORS = ("black", "white", "red", "navy", "beige", "olive", "pink", "grey")
VARIANTS = 3
MAX_PRICE = 200

_BATCH = 1000
_BUILD_TIMEOUT_S = 900.0


def item_id(number: int) -> str:
    """Return the id of an item by its number."""
    return f"sku-{number:06d}"


def title(number: int) -> str:
    """Return the title of a product, which other products share, by its number."""
    words = STYLES, FABRICS, GARMENTS
    return " ".join(some[number % len(some)] for some in words).capitalize()


def fill_shop(
    collection: Collection[dict[str, Any]],
    index: SearchIndex,
    lexical: LexicalIndex,
    *,
    embedded_by: str,
    items: int,
    seed: int,
) -> None:
    """Write the items, index them, and wait until they are found; only what is missing is done.

    Products come in three variants, of which four in five are in stock; categories are the
    clusters that the vectors are drawn around.

    Args:
        collection: of the service.
        index: which the service asks for vectors.
        lexical: which it asks for words; may be the same one.
        embedded_by: fingerprint of the service's model.
        items: how many.
        seed: of the vectors.
    """
    create_collection(collection)
    create_ordinary_indexes(collection, index)
    if collection.estimated_document_count() != items:
        collection.delete_many({})
        batch: list[dict[str, Any]] = []
        for document in _documents(index, embedded_by, items, seed):
            batch.append(document)
            if len(batch) == _BATCH:
                collection.insert_many(batch, ordered=False)
                batch = []
        if batch:
            collection.insert_many(batch, ordered=False)
    for one in {one.name: one for one in (index, lexical)}.values():
        apply_index(collection, one, update=True)
        wait_until_queryable(collection, one, timeout_s=_BUILD_TIMEOUT_S)


def _documents(
    index: SearchIndex, embedded_by: str, items: int, seed: int
) -> Iterator[dict[str, Any]]:
    now, number = datetime.now(UTC), 0
    for embeddings, codes in ClusteredVectors(items, index.dimensions, seed).parts():
        for embedding, code in zip(embeddings, codes.tolist(), strict=True):
            image = _image(number, f"category-{code:03d}")
            yield to_document(
                image,
                ImageFacts(hashlib.sha256(image.uri.encode()).hexdigest(), 600, 800),
                embedding,
                index=index,
                embedded_by=embedded_by,
                updated_at=now,
            )
            number += 1


def _image(number: int, category: str) -> GalleryImage:
    color, uri = COLORS[number % len(COLORS)], f"{item_id(number)}.jpg"
    fields = {
        "title": f"{title(number // VARIANTS)}, {color}",
        "category": category,
        "color": color,
        "price": number % MAX_PRICE + 0.9,
        "currency": "EUR",
        "in_stock": number % 5 != 0,
        "product_id": f"p-{number // VARIANTS:06d}",
    }
    return GalleryImage(item_id(number), FilePicture(Path(uri)), uri, fields)
