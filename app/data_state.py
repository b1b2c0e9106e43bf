"""What the service must know about the live index and the data before it answers.

An answer must never mix embeddings of different models, never read a missing index as "no results",
and never compare vectors of different spaces. So index and data are asked at the first search and
every minute after; while something is wrong, every second. A database that has to look at every
document for it is asked less often, so that it is busy with it for a hundredth of the time at most.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from app.documents import get_path, vector_type_of
from app.filters import Comparison, Filter
from app.indexes import SearchIndex
from app.lexical_indexes import LexicalIndex
from app.live_indexes import entry_problem, live_entries

logger = logging.getLogger(__name__)

GOOD_FOR_S = 60.0
BAD_FOR_S = 1.0
_BUSY_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class DataState:
    """The live index and the data at one moment.

    Attributes:
        index_problem: why the live index cannot serve, None where it can.
        fingerprints: of the embeddings in the collection.
        has_unlabelled: whether some document carries no fingerprint.
        words_problem: why the live index of words cannot serve, None where it can.
    """

    index_problem: str | None
    fingerprints: frozenset[str]
    has_unlabelled: bool
    words_problem: str | None = None

    def problem(self, fingerprint: str | None, collection_name: str) -> str | None:
        """Return why searches must be refused, in one sentence, or None.

        Args:
            fingerprint: of the service's model; None while it is not loaded.
            collection_name: for the message.
        """
        if self.index_problem is not None:
            return self.index_problem
        if not self.fingerprints:
            return (
                f"No item of {collection_name} has an embedding; "
                f"python -m scripts.embed_gallery writes them."
            )
        if fingerprint is not None and fingerprint not in self.fingerprints:
            return (
                f"The embeddings of {collection_name} were made by {_short(self.fingerprints)}, "
                f"none by this service's model ({fingerprint[:12]})."
            )
        return None

    def same_model_filter(self, embedded_by: str, index: SearchIndex) -> Filter | None:
        """Return the condition that keeps an answer within one model.

        None where every embedding is of that model: a filter that keeps everything still costs.
        """
        if self.fingerprints == {embedded_by} and not self.has_unlabelled:
            return None
        return Comparison(index.embedded_by_path, "$eq", embedded_by)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the database says, asked by PyMongo or by its asynchronous twin.

    Attributes:
        entries: of `$listSearchIndexes`.
        fingerprints: the distinct values of `embedded_by`.
        samples: a document of each fingerprint, None where it has no embedding (any more).
        unlabelled: 0 where every document has a fingerprint.
    """

    entries: Sequence[Any]
    fingerprints: Sequence[Any]
    samples: Sequence[Mapping[str, Any] | None]
    unlabelled: int


def read_data_state(
    collection: Collection[dict[str, Any]],
    index: SearchIndex,
    lexical: LexicalIndex | None = None,
) -> DataState:
    """Ask the database; raises the driver's errors."""
    fingerprints = collection.distinct(index.embedded_by_path)
    answers = Answers(
        live_entries(collection),
        fingerprints,
        [collection.find_one(*sample_query(index, one)) for one in fingerprints],
        collection.count_documents({index.embedded_by_path: None}, limit=1),
    )
    return make_data_state(answers, index, lexical, collection_name=collection.full_name)


def good_for_s(took_s: float) -> float:
    """Return how many seconds a good state stays in use that took so many to read."""
    return max(GOOD_FOR_S, took_s / _BUSY_SHARE)


def sample_query(index: SearchIndex, fingerprint: Any) -> tuple[dict[str, Any], dict[str, int]]:
    """Return filter and projection that find one embedding of a fingerprint."""
    return {index.embedded_by_path: fingerprint, index.path: {"$ne": None}}, {index.path: 1}


def make_data_state(
    answers: Answers, index: SearchIndex, lexical: LexicalIndex | None, *, collection_name: str
) -> DataState:
    """Build the state from the database's answers."""
    words_problem = None
    if lexical is not None:
        words_problem = entry_problem(answers.entries, lexical, collection_name)
    problem = (
        entry_problem(answers.entries, index, collection_name)
        or _mixture_problem(answers, index, collection_name)
        or _vector_type_problem(answers, index, collection_name)
    )
    fingerprints = frozenset(map(str, answers.fingerprints))
    return DataState(problem, fingerprints, answers.unlabelled > 0, words_problem)


def _mixture_problem(answers: Answers, index: SearchIndex, collection_name: str) -> str | None:
    models = len(answers.fingerprints)
    if models < 2 or index.embedded_by_path in index.filter_types:
        return None
    return (
        f"{collection_name} holds embeddings of {models} models and search index {index.name} "
        f"does not declare {index.embedded_by_path} as a filter field."
    )


def _vector_type_problem(answers: Answers, index: SearchIndex, collection_name: str) -> str | None:
    """Say where all vectors are of a type that the index's queries pass over in silence."""
    types = {vector_type_of(get_path(dict(one), index.path)) for one in answers.samples if one}
    stored = sorted(one for one in types if one is not None)
    if not stored or index.vector_type in stored:
        return None
    return (
        f"{collection_name} holds {stored[0]} vectors at {index.path!r} and the file of search "
        f"index {index.name} says vectorType {index.vector_type}, whose queries find none of them."
    )


class DataStateCache:
    """Keeps the state fresh without making a search wait for it, once it is good."""

    def __init__(self, read: Callable[[], DataState]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._state: DataState | None = None
        self._read_at_s = 0.0
        self._good_for_s = GOOD_FOR_S

    def get(self, *, is_good: Callable[[DataState], bool]) -> DataState:
        """Return the state: at most a second old where it is not good, about a minute where it is.

        Raises:
            The driver's errors, where there is no good state to fall back on.
        """
        state = self._state
        if state is not None and is_good(state):
            is_old = time.monotonic() - self._read_at_s > self._good_for_s
            if is_old and self._lock.acquire(blocking=False):
                threading.Thread(target=self._refresh_and_release, daemon=True).start()
            return state
        return self.refresh(BAD_FOR_S)

    def refresh(self, max_age_s: float) -> DataState:
        """Return a state at most so old; raises the driver's errors."""
        with self._lock:
            if self._state is not None and time.monotonic() - self._read_at_s < max_age_s:
                return self._state
            return self._refresh()

    def _refresh(self) -> DataState:
        start_s = time.monotonic()
        self._state = self._read()
        self._read_at_s = time.monotonic()
        self._good_for_s = good_for_s(self._read_at_s - start_s)
        return self._state

    def _refresh_and_release(self) -> None:
        try:
            self._refresh()
        except PyMongoError:
            logger.warning(
                "The state of the data cannot be read; the last one stays", exc_info=True
            )
        finally:
            self._lock.release()


def _short(fingerprints: frozenset[str]) -> str:
    return ", ".join(sorted(fingerprint[:12] for fingerprint in fingerprints))
