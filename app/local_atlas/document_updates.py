"""Applies update statements to the documents of a collection, inside a write transaction.

A replacement keeps the bytes that the client sent. Batches of replacements by `_id`, which is what
bulk upserts are made of, take a way of their own: one look-up, one statement for each table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from .collection_writer import CollectionWriter, NewDocument, Replacement
from .errors import CommandError
from .mql.bson_order import equal, sort_key
from .mql.paths import MISSING
from .mql.rows import Row, decode
from .mql.sorting import compile_sort
from .mql.updates import Update, compile_update
from .ordinary_indexes import pinned_keys
from .persistence import Read
from .raw_documents import (
    check_id,
    check_size,
    encode_document,
    with_id_first,
    with_id_of,
)

Document = dict[str, Any]
Match = tuple[int, Row]

_CHUNK = 100  # documents that a multi-update changes at a time


@dataclass(frozen=True, slots=True)
class UpdateStatement:
    """One update as a client asked for it."""

    query: Document
    update: Document | list[Document]
    raw_update: bytes | None = None
    """The update as it was sent, where it is one document."""
    is_multi: bool = False
    is_upsert: bool = False
    array_filters: Sequence[Document] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    sort: Document = field(default_factory=dict)

    @property
    def is_replacement(self) -> bool:
        """Whether the update is a whole document."""
        return isinstance(self.update, dict) and not next(iter(self.update), "").startswith("$")

    def compiled(self) -> Update:
        """Compile the update, which checks it."""
        if self.is_multi and self.is_replacement:
            raise CommandError(
                9, "FailedToParse", "multi update is not supported for replacement-style update"
            )
        return compile_update(
            self.update,
            array_filters=self.array_filters,
            query=self.query,
            variables=self.variables,
        )


@dataclass(slots=True)
class UpdateOutcome:
    """What one statement did."""

    matched: int = 0
    modified: int = 0
    upserted_id: Any = MISSING
    before: Document | None = None
    """The last document as it was; None for an upsert."""
    after: Document | None = None
    """The last document as it is now."""


class DocumentUpdater:
    """Runs update statements, one after the other.

    Args:
        writer: of the collection.
        read: sees what the transaction has written.
        check_time: raises when the command's time is up.
    """

    def __init__(
        self, writer: CollectionWriter, read: Read, check_time: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._read = read
        self._check_time = check_time

    def run(self, statement: UpdateStatement) -> UpdateOutcome:
        """Run one statement, all of it or nothing.

        Raises:
            CommandError: the statement is malformed, or a document cannot be changed like that.
        """
        self._check_time()
        update = statement.compiled()
        outcome = UpdateOutcome()
        matches = self.matches(statement)
        with self._writer.atomic():
            while chunk := list(islice(matches, _CHUNK)):
                self._check_time()
                self._change(statement, update, chunk, outcome)
        if not outcome.matched and statement.is_upsert:
            self._upsert(statement, update, outcome)
        return outcome

    def matches(self, statement: UpdateStatement) -> Iterator[Match]:
        """Return the documents that a statement is about: all, or the first in its order."""
        found = self._writer.collection.find(statement.query, statement.variables, read=self._read)
        if statement.sort:
            key = compile_sort(statement.sort)
            found = iter(sorted(found, key=lambda match: key(match[1])))
        return found if statement.is_multi else islice(found, 1)

    def replace_by_id(self, statements: Sequence[UpdateStatement]) -> list[UpdateOutcome]:
        """Run replacements by `_id`, each of another one, all of them or none.

        Raises:
            CommandError: one of them cannot be done; which is found by running them one by one.
        """
        self._check_time()
        stored = self._stored_by_id(statements)
        replacements, inserts, outcomes = [], [], []
        for statement in statements:
            outcome = UpdateOutcome()
            outcomes.append(outcome)
            found = stored.get(sort_key(statement.query["_id"]))
            if found is not None:
                outcome.matched = 1
                replacement = self._replacement(statement, *found)
                outcome.modified = int(replacement is not None)
                replacements += [replacement] if replacement is not None else []
            elif statement.is_upsert:
                assert isinstance(statement.update, dict)
                inserts.append(_inserted(statement, statement.update))
                outcome.upserted_id = inserts[-1].document["_id"]
        with self._writer.atomic():
            self._writer.replace_many(replacements)
            self._writer.insert_many(inserts)
        return outcomes

    def _stored_by_id(self, statements: Sequence[UpdateStatement]) -> dict[bytes, Any]:
        keys = [sort_key(statement.query["_id"]) for statement in statements]
        return self._writer.collection.records.by_id_keys(self._read, keys)

    def _replacement(
        self, statement: UpdateStatement, record_id: int, old_raw: bytes
    ) -> Replacement | None:
        """Return the change that a replacement makes, None where it changes nothing."""
        assert isinstance(statement.update, dict)
        new = _replacing(statement, statement.update, old_raw)
        if new.raw == old_raw:
            return None
        old = decode(old_raw) if self._writer.has_indexes else None
        return Replacement(record_id, old, new)

    def _change(
        self,
        statement: UpdateStatement,
        update: Update,
        chunk: Sequence[Match],
        outcome: UpdateOutcome,
    ) -> None:
        replacements = []
        for record_id, row in chunk:
            old = row.document
            changed = update.apply(old)
            outcome.before = outcome.after = old
            if changed is not old:
                new = _changed(statement, changed, row)
                replacements.append(Replacement(record_id, old, new))
                outcome.after = new.document
        self._writer.replace_many(replacements)
        outcome.matched += len(chunk)
        outcome.modified += len(replacements)

    def _upsert(self, statement: UpdateStatement, update: Update, outcome: UpdateOutcome) -> None:
        new = _upserted(statement, update)
        self._writer.insert(new)
        outcome.upserted_id = new.document["_id"]
        outcome.after = new.document


def is_replacement_by_id(statement: UpdateStatement) -> bool:
    """Tell whether a statement replaces the document of one given `_id` and asks nothing else.

    One that is wrong in any way is none: it is left to `DocumentUpdater.run` to refuse it.
    """
    if statement.is_multi or statement.sort or statement.array_filters:
        return False
    identity = statement.query.get("_id")
    if len(statement.query) != 1 or isinstance(identity, dict):
        return False
    if not isinstance(statement.update, dict) or any(n.startswith("$") for n in statement.update):
        return False
    if pinned_keys(statement.query, "_id") is None:
        return False
    return "_id" not in statement.update or equal(identity, statement.update["_id"])


def _replacing(statement: UpdateStatement, document: Document, old_raw: bytes) -> NewDocument:
    """Return the replacement of a stored document: the bytes as sent, its `_id` in front."""
    assert statement.raw_update is not None
    if "_id" in document:
        return _checked(*with_id_first(statement.raw_update, document))
    raw = with_id_of(statement.raw_update, old_raw)
    return _checked(raw, decode(raw))


def _inserted(statement: UpdateStatement, document: Document) -> NewDocument:
    """Return what the upsert of a replacement by `_id` inserts."""
    assert statement.raw_update is not None
    if "_id" in document:
        return _checked(*with_id_first(statement.raw_update, document))
    owner = {"_id": statement.query["_id"]}
    raw = with_id_of(statement.raw_update, encode_document(owner))
    return _checked(raw, {**owner, **document})


def _changed(statement: UpdateStatement, changed: Document, row: Row) -> NewDocument:
    if statement.raw_update is None or not statement.is_replacement:
        return _checked(encode_document(changed), changed)
    assert isinstance(statement.update, dict)
    assert row.raw is not None
    if "_id" in statement.update:
        return _checked(*with_id_first(statement.raw_update, statement.update))
    return _checked(with_id_of(statement.raw_update, row.raw), changed)


def _upserted(statement: UpdateStatement, update: Update) -> NewDocument:
    document = update.upsert_document(statement.query)
    check_id(document["_id"])
    if statement.raw_update is None or not statement.is_replacement:
        return _checked(encode_document(document), document)
    assert isinstance(statement.update, dict)
    if "_id" in statement.update:
        return _checked(*with_id_first(statement.raw_update, statement.update))
    owner = encode_document({"_id": document["_id"]})
    return _checked(with_id_of(statement.raw_update, owner), document)


def _checked(raw: bytes, document: Document) -> NewDocument:
    check_size(raw)
    return NewDocument(raw, document)
