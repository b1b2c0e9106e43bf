"""What a strict server refuses before it is stored or built: whatever an index would pass over.

Documents are walked by `Ingestion` itself, into batches that are thrown away, so what is refused
here is exactly what would be skipped there.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from ..errors import CommandError
from ..mql.bson_text import render
from ..mql.rows import decode
from .definition import SearchIndexDefinition
from .ingestion import Ingestion
from .mapping import DocumentMapping
from .skips import Skip
from .space import Batch

_NAMED = 3  # documents that the failure of a build names


class SkippedDocuments(Exception):
    """An index cannot be built without passing something over; the message is one sentence."""


class SkipFinder:
    """Finds out what an index would pass over of a document."""

    def __init__(self, definition: SearchIndexDefinition) -> None:
        self._found: list[Skip] = []
        self._ingestion = Ingestion(definition, lambda record_id: 0, self._found.append)

    def first(self, document: Mapping[str, Any]) -> Skip | None:
        """Return the first value that is passed over, None where nothing is."""
        self._found.clear()
        self._ingestion.add(0, 0, document, Batch(), Batch())
        return self._found[0] if self._found else None


def write_check(definitions: Mapping[str, SearchIndexDefinition]) -> Callable[[bytes], None]:
    """Return what refuses a raw document that one of some indexes, by name, would not take whole.

    Raises:
        CommandError: 121, when the check is called.
    """
    finders = {name: SkipFinder(definition) for name, definition in definitions.items()}

    def check(raw: bytes) -> None:
        document = decode(raw)
        for name, finder in finders.items():
            skip = finder.first(document)
            if skip is not None:
                raise _refusal(document["_id"], name, skip)

    return check


def check_build(finder: SkipFinder, documents: Iterable[bytes]) -> None:
    """Refuse to build an index over raw documents that it would not take whole.

    Raises:
        SkippedDocuments: naming the first few.
    """
    skipped = (
        f"_id {render(document['_id'])}: {skip.path} {skip.reason}"
        for document in map(decode, documents)
        if (skip := finder.first(document)) is not None
    )
    first = list(islice(skipped, _NAMED))
    if first:
        raise SkippedDocuments(f"The index would pass over values ({'; '.join(first)}).")


def check_definition(name: str, definition: SearchIndexDefinition) -> None:
    """Refuse a definition with a key that can index nothing.

    Raises:
        CommandError: 125.
    """
    key = _dotted_key(definition.mapping.root)
    if key is not None:
        parent, _, child = key.partition(".")
        raise CommandError(
            125,
            "CommandFailed",
            f"Index {name} would index nothing under the key {key!r}: a dot is no path here, put "
            f"{child!r} into the fields of {parent!r}, of type document.",
        )


def _refusal(document_id: Any, index_name: str, skip: Skip) -> CommandError:
    details = {"index": index_name, "path": skip.path, "reason": skip.reason}
    return CommandError(
        121,
        "DocumentValidationFailure",
        f"The document with _id {render(document_id)} would not be indexed as it is by search "
        f"index {index_name!r}: {skip.path} {skip.reason}.",
        {"errInfo": {"failingDocumentId": document_id, "details": details}},
    )


def _dotted_key(mapping: DocumentMapping) -> str | None:
    for name, field in mapping.fields.items():
        if "." in name:
            return name
        below = _dotted_key(field.document) if field.document is not None else None
        if below is not None:
            return below
    return None
