"""A change as the log keeps it: which operation on what, and the documents of it.

The documents stay apart from the rest, as they were stored: an event that nobody looks into leaves
the server without having been decoded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One change, before it has a time and a place in the log.

    Attributes:
        operation: the `operationType` of its event.
        database: that it happened in.
        collection: that it happened to; empty where it happened to the whole database.
        details: the fields of the event that are neither documents nor the same for all.
        document: of an insert or replacement the new document, of an update the document after it
            where the collection keeps images.
        before: the document before the change, where the collection keeps images.
    """

    operation: str
    database: str
    collection: str
    details: Document
    document: bytes | None = None
    before: bytes | None = None


@dataclass(frozen=True, slots=True)
class TransactionChanges:
    """The changes of a transaction of several commands, which all have the time of its commit.

    Attributes:
        changes: in the order in which its commands made them, of all databases.
        session: `lsid` and `txnNumber`, which their events show.
    """

    changes: Sequence[Change]
    session: Document
