"""The three steps that a run moves its batches through, put together from their parts."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from app.embedding.base import Embedder
from app.embedding.precision import Precision
from app.ingest.failures import Failure
from app.ingest.known_embeddings import KnownEmbeddings
from app.ingest.preparation import Pending, Preparation, PreparedBatch
from app.ingest.reader import Row
from app.ingest.updates import Update, UpdateBuilder
from app.ingest.writer import GalleryWriter

MAX_DECODING_THREADS = 8
MAX_READING_THREADS = 32  # they wait for other machines; a thread starts when it is needed


@dataclass(frozen=True, slots=True)
class Legs:
    """Prepare, embed, write.

    Attributes:
        prepare: is called by one thread at a time.
        embed: may be called by `passes_at_once` threads at a time.
        write: may be called by several.
        passes_at_once: how many threads the embedding is worth.
        precision: returns what the model computes in, None before it has.
    """

    prepare: Callable[[Sequence[Row]], PreparedBatch]
    embed: Callable[[Sequence[Pending]], list[Update | Failure]]
    write: Callable[[Sequence[Update]], list[Failure]]
    passes_at_once: int = 1
    precision: Callable[[], Precision | None] = lambda: None


@contextmanager
def open_legs(embedder: Embedder, writer: GalleryWriter, *, max_pixels: int) -> Iterator[Legs]:
    """Put the legs together around threads for reading and decoding, which end with the context.

    Args:
        embedder: of the model whose fingerprint the writer's updates carry.
        writer: of the collection.
        max_pixels: as `read_image` takes it.
    """
    threads = min(MAX_DECODING_THREADS, len(os.sched_getaffinity(0)))
    with (
        ThreadPoolExecutor(threads, thread_name_prefix="decode") as decoding,
        ThreadPoolExecutor(MAX_READING_THREADS, thread_name_prefix="read") as reading,
    ):
        known = KnownEmbeddings(writer.find_embeddings)
        prepare = Preparation(
            writer,
            known=known,
            embedder=embedder,
            max_pixels=max_pixels,
            decoding=decoding,
            reading=reading,
        )
        embed = partial(_embed, embedder, writer.updates, known)
        yield Legs(
            prepare,
            embed,
            writer.write,
            passes_at_once=embedder.passes_at_once,
            precision=lambda: embedder.precision,
        )


def without_effect(legs: Legs) -> Legs:
    """Return legs that read, decode and compare, and neither embed nor write."""
    return replace(
        legs,
        embed=_pretend,
        write=lambda updates: [],
        precision=lambda: None,
    )


def _pretend(pending: Sequence[Pending]) -> list[Update | Failure]:
    first = {one.facts.sha256: one for one in reversed(pending)}
    return [
        Update(one.image, {}, is_duplicate=first[one.facts.sha256] is not one) for one in pending
    ]


def _embed(
    embedder: Embedder, updates: UpdateBuilder, known: KnownEmbeddings, pending: Sequence[Pending]
) -> list[Update | Failure]:
    """Embed what is not known; the first of those with the same bytes is no duplicate."""
    recent = known.recent({one.facts.sha256 for one in pending})
    embeddings = {sha256: one.embedding for sha256, one in recent.items()}
    new = {one.facts.sha256: one for one in reversed(pending) if one.facts.sha256 not in recent}
    if new:
        pixels = np.stack([one.pixels for one in new.values()])
        embeddings.update(zip(new, embedder.embed_in_own_pass(pixels), strict=True))
    outcomes: list[Update | Failure] = []
    for one in pending:
        embedding = embeddings[one.facts.sha256]
        if not np.isfinite(embedding).all():
            reason = "Its embedding is not finite."
            outcomes.append(Failure(one.image.item_id, str(one.image.source), reason))
            continue
        known.add(one.facts, embedding)
        update = updates.with_embedding(one.image, one.facts, embedding)
        outcomes.append(replace(update, is_duplicate=new.get(one.facts.sha256) is not one))
    return outcomes
