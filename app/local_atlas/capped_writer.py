"""Writes the documents of a capped collection: the oldest make room for the newest.

https://www.mongodb.com/docs/manual/core/capped-collections/
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from .collection_writer import CollectionWriter, Replacement
from .mql.rows import decode
from .new_document import NewDocument

Document = dict[str, Any]

_AT_ONCE: Final = 100
_TOTALS: Final = "SELECT documents, size_bytes FROM capped_totals WHERE collection_id = ?"
_SAVE: Final = "INSERT OR REPLACE INTO capped_totals VALUES (?, ?, ?)"


def is_capped(options: Mapping[str, Any]) -> bool:
    """Tell whether the options of a collection say that it is capped."""
    return bool(options.get("capped"))


class CappedWriter(CollectionWriter):
    """Inserts documents and deletes the oldest where they are too many or too large.

    What the collection holds is counted in a table of its own, in the same transaction.
    """

    def insert_many(self, batch: Sequence[NewDocument]) -> None:
        """Insert all of them or none, and delete as many of the oldest as that needs."""
        with self.atomic():
            super().insert_many(batch)
            documents, size_bytes = self._totals()
            documents += len(batch)
            size_bytes += sum(len(new.raw) for new in batch)
            self._evict(documents, size_bytes)

    def replace_many(self, batch: Sequence[Replacement]) -> None:
        """Replace all of them or none; no document may be in the batch twice."""
        with self.atomic():
            super().replace_many(batch)
            self._evict(*self._counted())

    def delete_many(self, batch: Iterable[tuple[int, Document]]) -> None:
        """Delete documents, given by their record id and decoded."""
        super().delete_many(batch)
        self._save(*self._counted())

    def _evict(self, documents: int, size_bytes: int) -> None:
        options = self.collection.options
        most, largest = options.get("max") or documents, options["size"]
        while documents > most or size_bytes > largest:
            oldest = []
            for record_id, raw in self._oldest():
                if documents <= most and size_bytes <= largest:
                    break
                oldest.append((record_id, decode(raw)))
                documents, size_bytes = documents - 1, size_bytes - len(raw)
            super().delete_many(oldest)
        self._save(documents, size_bytes)

    def _oldest(self) -> list[tuple[int, bytes]]:
        sql = (
            f"SELECT record_id, raw FROM {self.collection.records.name} ORDER BY record_id LIMIT ?"
        )
        return self._connection.execute(sql, (_AT_ONCE,)).fetchall()

    def _totals(self) -> tuple[int, int]:
        """Return how many documents there were before, and their bytes."""
        key = (self.collection.collection_id,)
        found = self._connection.execute(_TOTALS, key).fetchone()
        return (0, 0) if found is None else (found[0], found[1])

    def _counted(self) -> tuple[int, int]:
        sql = f"SELECT count(*), coalesce(sum(length(raw)), 0) FROM {self.collection.records.name}"
        documents, size_bytes = self._connection.execute(sql).fetchone()
        return documents, size_bytes

    def _save(self, documents: int, size_bytes: int) -> None:
        self._connection.execute(_SAVE, (self.collection.collection_id, documents, size_bytes))
