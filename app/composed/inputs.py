"""The embeddings of a query's inputs, stored ones and new ones."""

import time
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from app.composed.query import ComposedQuery, Picture, Sentence, Source, StoredItem
from app.composed.wants import Embed, Embedded, Find, Want
from app.documents import Embedding, ItemId, quoted_id
from app.embedding.base import Embedder, require_loaded
from app.errors import ItemNotEmbedded
from app.indexes import SearchIndex
from app.stored_embedding import stored_embedding

# Of each input that is an item: its id, its embedding and the fingerprint of what made that.
Stored = list[tuple[ItemId, Embedding, str]]


def embedded_inputs(query: ComposedQuery, index: SearchIndex) -> Generator[Want, Any, Embedded]:
    """Return the embeddings in the order of the inputs, the positive ones first.

    Where there is no input, there are no rows, of the service's own model.

    Raises:
        ItemNotFound: there is no item of an input's id.
        ItemNotEmbedded: it has no embedding, or one of another model than the other inputs.
    """
    sources = [one.source for one in (*query.positive, *query.negative)]
    if not sources:
        nothing: Embedded = yield Embed((), ())
        return nothing
    stored = yield from _stored(sources, index)
    made = yield from _made(sources)
    embedded_by = _one_model(stored, made)
    items = (embedding for _, embedding, _ in stored)
    pictures = iter(made.rows if made is not None else ())
    count = sum(isinstance(one, Picture) for one in sources)
    texts = iter(made.rows[count:] if made is not None else ())
    rows = []
    for one in sources:
        match one:
            case StoredItem():
                rows.append(next(items))
            case Picture():
                rows.append(next(pictures))
            case Sentence():
                rows.append(next(texts))
    return Embedded(np.stack(rows), embedded_by, made.took_ms if made is not None else 0.0)


def embed_now(embedder: Embedder, want: Embed) -> Embedded:
    """Embed what a search wants embedded, the pictures together and the texts together.

    Raises:
        TextNotSupported: there is a text, and the model has no text tower.
        ModelUnavailable: the model is not loaded yet.
    """
    if embedder.supports_text or not want.texts:
        require_loaded(embedder)
    start_s = time.perf_counter()
    rows = [np.empty((0, embedder.dimensions), dtype=np.float32)]
    if want.pictures:
        rows.append(embedder.embed_prepared(np.stack(want.pictures)))
    if want.texts:
        rows.append(embedder.embed_texts(want.texts))
    took_ms = (time.perf_counter() - start_s) * 1000
    return Embedded(np.concatenate(rows), embedder.fingerprint, took_ms)


def _stored(sources: Sequence[Source], index: SearchIndex) -> Generator[Want, Any, Stored]:
    ids = [one.item_id for one in sources if isinstance(one, StoredItem)]
    if not ids:
        return []
    found = yield Find({"_id": {"$in": ids}}, {index.path: 1, index.embedded_by_path: 1})
    stored = []
    for item_id in ids:
        document = next((one for one in found if one["_id"] == item_id), None)
        stored.append((item_id, *stored_embedding(document, item_id, index)))
    return stored


def _made(sources: Sequence[Source]) -> Generator[Want, Any, Embedded | None]:
    pictures = tuple(one.pixels for one in sources if isinstance(one, Picture))
    texts = tuple(one.text for one in sources if isinstance(one, Sentence))
    if not pictures and not texts:
        return None
    made: Embedded = yield Embed(pictures, texts)
    return made


def _one_model(stored: Stored, made: Embedded | None) -> str:
    """Return the fingerprint that all inputs have: vectors of two models cannot be added up."""
    expected = made.embedded_by if made is not None else stored[0][2]
    for item_id, _, embedded_by in stored:
        if embedded_by != expected:
            raise ItemNotEmbedded(
                f"Item {quoted_id(item_id)} was embedded by another model ({embedded_by[:12]}) "
                f"than the other inputs ({expected[:12]}); expected inputs of one model."
            )
    return expected
