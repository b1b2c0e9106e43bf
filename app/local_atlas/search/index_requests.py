"""What an index command wants, and whether it agrees with what is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import CommandError
from ..store import StoredCollection
from .definition import IndexType, SearchIndexDefinition
from .live_index import LiveIndex


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """One index that a command wants, its definition checked."""

    name: str
    type: IndexType
    document: dict[str, Any]
    definition: SearchIndexDefinition

    def check_equal(self, existing: LiveIndex, *, is_strict: bool) -> None:
        """Refuse a definition that differs from that of the index with the same name.

        Args:
            existing: the index that is there.
            is_strict: whether a change that the engine takes for none is one.

        Raises:
            CommandError: 68.
        """
        old, new = existing.latest.definition, self.definition
        is_equal = existing.type == self.type and old.identity == new.identity
        if is_equal and is_strict:
            is_equal = (old.stored_source, old.nested_root) == (new.stored_source, new.nested_root)
        if not is_equal:
            raise CommandError(
                68,
                "IndexAlreadyExists",
                f"Index {self.name} already exists with a different definition. "
                "Drop it first if needed.",
            )


@dataclass(frozen=True, slots=True)
class IndexSelector:
    """An index by name or by id, exactly one of them."""

    name: str | None = None
    id: str | None = None

    def selects(self, index: LiveIndex) -> bool:
        """Tell whether this is the index."""
        return index.name == self.name if self.name is not None else index.id == self.id

    def not_found(self, collection: StoredCollection) -> CommandError:
        """Return error 27."""
        what = f"name {self.name}" if self.name is not None else f"id {self.id}"
        return CommandError(
            27,
            "IndexNotFound",
            f"No index with {what} exists in namespace {collection.namespace}",
        )


def check_names(indexes: Sequence[LiveIndex]) -> None:
    """Refuse new indexes of which two have the same name.

    Raises:
        CommandError: 125.
    """
    names: set[str] = set()
    for index in indexes:
        if index.name in names:
            raise CommandError(
                125,
                "CommandFailed",
                f"duplicate index names for the same collection: {index.id}",
            )
        names.add(index.name)
