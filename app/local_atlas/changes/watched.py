"""What a change stream is about: a collection, a database, or all of them."""

from dataclasses import dataclass
from typing import Final

from ..mql.rows import decode
from .change_log import CLUSTER
from .log_entries import Entry

_ENDS_COLLECTION: Final = frozenset({"drop", "rename"})
_INTERNAL: Final = frozenset({"admin", "config", "local"})


@dataclass(frozen=True, slots=True)
class Watched:
    """What a stream is about.

    Attributes:
        database: `CLUSTER` for all of them.
        collection: None for all of the database.
    """

    database: str
    collection: str | None

    @property
    def namespace(self) -> str:
        """What the replies call it."""
        name = "$cmd.aggregate" if self.collection is None else self.collection
        return f"{self.database or 'admin'}.{name}"

    def concerns(self, entry: Entry) -> bool:
        """Tell whether a change of the database, or of any, is to be shown."""
        if self.database == CLUSTER:
            return entry.database not in _INTERNAL
        if self.collection is None or entry.collection == self.collection:
            return True
        return entry.operation == "rename" and self._is_target(entry)

    def ends_with(self, entry: Entry) -> bool:
        """Tell whether a change that is shown is the last one."""
        if self.collection is not None:
            return entry.operation in _ENDS_COLLECTION
        return self.database != CLUSTER and entry.operation == "dropDatabase"

    def _is_target(self, entry: Entry) -> bool:
        target = decode(entry.details)["to"]
        return bool(target == {"db": self.database, "coll": self.collection})
