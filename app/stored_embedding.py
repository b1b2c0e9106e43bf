"""The stored embedding of an item, as a search starts from it."""

from typing import Any

import numpy as np

from app.documents import (
    Embedding,
    ItemId,
    embedding_from_bson,
    get_path,
    quoted_id,
    vector_type_of,
)
from app.errors import IndexNotReady, ItemNotEmbedded, ItemNotFound
from app.indexes import SearchIndex


def stored_embedding(
    document: dict[str, Any] | None, item_id: ItemId, index: SearchIndex
) -> tuple[Embedding, str]:
    """Return an item's embedding and the fingerprint of what made it.

    Raises:
        ItemNotFound: there is no document.
        ItemNotEmbedded: it holds no embedding, a broken one, one of another length, or one without
            a direction (zeros, or a number that is not finite).
        IndexNotReady: it is of an element type that the index's queries pass over in silence.
    """
    shown = quoted_id(item_id)
    if document is None:
        raise ItemNotFound(f"No item has the id {shown}.")
    value, embedded_by = get_path(document, index.path), get_path(document, index.embedded_by_path)
    if value is None or not isinstance(embedded_by, str):
        raise ItemNotEmbedded(f"Item {shown} has no embedding yet.")
    try:
        embedding = embedding_from_bson(value)
    except (ValueError, TypeError) as error:
        raise ItemNotEmbedded(f"The embedding of item {shown} cannot be read.") from error
    if embedding.shape != (index.dimensions,):
        raise ItemNotEmbedded(
            f"The embedding of item {shown} has {embedding.size} dimensions, "
            f"the index {index.dimensions}."
        )
    if not np.isfinite(embedding).all() or not embedding.any():
        raise ItemNotEmbedded(
            f"The embedding of item {shown} has no direction, so no index holds it."
        )
    if (stored := vector_type_of(value)) != index.vector_type:
        raise IndexNotReady(
            f"The embedding of item {shown} is {stored or 'of an unknown type'}, and the file "
            f"of search index {index.name} says vectorType {index.vector_type}."
        )
    return embedding, embedded_by
