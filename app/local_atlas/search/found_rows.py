"""The documents of what a search found, as the rows of a pipeline."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ..mql.rows import Row, decode
from .definition import SearchIndexDefinition
from .exact_search import Hits
from .knn_beta import ExplainHit

if TYPE_CHECKING:
    from ..store import StoredCollection

# Documents at once: the size of a first batch.
FETCHED = 101


def rows_of(
    collection: "StoredCollection", batches: Iterable[Hits], score_name: str
) -> Iterator[Row]:
    """Yield the documents of the hits; one deleted meanwhile is left out."""
    for hits in batches:
        # A search finds candidates of which a $limit may leave the first few.
        for start in range(0, len(hits.record_ids), FETCHED):
            chunk = slice(start, start + FETCHED)
            record_ids, scores = hits.record_ids[chunk].tolist(), hits.scores[chunk].tolist()
            for raw, score in zip(collection.get_many(record_ids), scores, strict=True):
                if raw is not None:
                    yield Row(raw=raw, metadata={score_name: score})


def first_rows(
    collection: "StoredCollection", hits: Hits, find_all: Callable[[], Hits], score_name: str
) -> Iterator[Row]:
    """Yield the documents of the first hits; where one was deleted meanwhile, those of all.

    Args:
        collection: where the documents are.
        hits: the first ones, at most `FETCHED`.
        find_all: returns all hits.
        score_name: of the metadata.
    """
    rows = list(rows_of(collection, [hits], score_name))
    if len(rows) < len(hits.record_ids):
        return rows_of(collection, [find_all()], score_name)
    return iter(rows)


def explained(collection: "StoredCollection", hits: Hits, explain: ExplainHit) -> Iterator[Row]:
    """Yield the documents with what their scores are made of, too."""
    for place, (record_id, score) in enumerate(
        zip(hits.record_ids.tolist(), hits.scores.tolist(), strict=True)
    ):
        (raw,) = collection.get_many([record_id])
        if raw is not None:
            metadata = {"searchScore": score, "searchScoreDetails": explain(place)}
            yield Row(raw=raw, metadata=metadata)


def stored(rows: Iterator[Row], definition: SearchIndexDefinition) -> Iterator[Row]:
    """Yield of each document what the index itself keeps."""
    for row in rows:
        assert row.raw is not None
        yield row.with_document(definition.stored_source.cut(decode(row.raw)))
