"""Notes the changes of one transaction, for the log and in the order in which they were made.

https://www.mongodb.com/docs/manual/reference/change-events/
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from bson import Binary

from ..new_document import NewDocument
from ..raw_documents import encode_document
from .events import Change

if TYPE_CHECKING:
    from ..collection_writer import Replacement
    from ..stored_collection import StoredCollection

Document = dict[str, Any]


class ChangeRecorder:
    """Collects changes.

    Args:
        is_recorded: tells whether those of a database are wanted.
    """

    def __init__(self, is_recorded: Callable[[str], bool]) -> None:
        self.changes: list[Change] = []
        self.is_recorded = is_recorded

    def note(
        self, collection: "StoredCollection", operation: str, details: Document | None = None
    ) -> None:
        """Note a change to a collection as a whole."""
        if self.is_recorded(collection.database):
            details = {"collectionUUID": collection.uuid, **(details or {})}
            self.changes.append(Change(operation, collection.database, collection.name, details))

    def note_database(self, database: str, operation: str) -> None:
        """Note a change to a database as a whole."""
        if self.is_recorded(database):
            self.changes.append(Change(operation, database, "", {}))

    def documents_of(
        self, collection: "StoredCollection", *, keeps_images: bool
    ) -> "DocumentRecorder | None":
        """Return what notes the changes to a collection's documents, None where nobody watches."""
        if not self.is_recorded(collection.database):
            return None
        return DocumentRecorder(self.changes, collection, keeps_images=keeps_images)


class DocumentRecorder:
    """Notes the changes to the documents of one collection.

    Args:
        changes: what is noted is appended here.
        collection: whose documents they are.
        keeps_images: whether the documents before and after an update are kept.
    """

    def __init__(
        self, changes: list[Change], collection: "StoredCollection", *, keeps_images: bool
    ) -> None:
        self._changes = changes
        self._name = collection.database, collection.name
        self._uuid: Binary = collection.uuid
        self.keeps_images = keeps_images

    def mark(self) -> int:
        """Return what `undo` goes back to."""
        return len(self._changes)

    def undo(self, mark: int) -> None:
        """Forget what was noted since a mark."""
        del self._changes[mark:]

    def inserted(self, batch: Iterable[NewDocument]) -> None:
        """Note new documents."""
        for new in batch:
            self._note("insert", {"documentKey": {"_id": new.identity}}, new.raw)

    def replaced(self, replacement: "Replacement") -> None:
        """Note another document in place of one, or an update of it."""
        new = replacement.new
        details: Document = {"documentKey": {"_id": new.identity}}
        before = replacement.old_raw if self.keeps_images else None
        if replacement.description is None:
            self._note("replace", details, new.raw, before)
        else:
            details["updateDescription"] = replacement.description
            self._note("update", details, new.raw if self.keeps_images else None, before)

    def deleted(self, documents: Iterable[Document]) -> None:
        """Note the end of documents."""
        for document in documents:
            before = encode_document(document) if self.keeps_images else None
            self._note("delete", {"documentKey": {"_id": document["_id"]}}, None, before)

    def _note(
        self,
        operation: str,
        details: Document,
        document: bytes | None,
        before: bytes | None = None,
    ) -> None:
        details = {"collectionUUID": self._uuid, **details}
        self._changes.append(Change(operation, *self._name, details, document, before))
