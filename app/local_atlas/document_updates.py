"""Applies update statements to the documents of a collection, inside a write transaction.

A replacement keeps the bytes that the client sent. Batches of replacements by `_id`, which is what
bulk upserts are made of, take a way of their own: one look-up, one statement for each table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from bson import Regex

from .changes.update_description import describe_update
from .collection_writer import CollectionWriter, Replacement
from .errors import CommandError
from .mql.bson_order import equal, sort_key
from .mql.collation import Collation, under
from .mql.paths import MISSING
from .mql.rows import Row, decode
from .mql.updates import Update, compile_update
from .new_document import NewDocument
from .persistence import Read
from .query_plans import FindOptions, Hint
from .raw_documents import (
    check_id,
    check_storable,
    encode_document,
    with_id_first,
    with_id_of,
)

Document = dict[str, Any]
Match = tuple[int, Row]

# A condition on `_id`, or what cannot be one; the general way tells them apart.
_NO_IDENTITY = (dict, list, Regex)
_CHUNK = 100  # documents that a multi-update changes at a time


@dataclass(frozen=True, slots=True)
class UpdateStatement:
    """One update as a client asked for it."""

    query: Document
    update: Document | list[Document]
    raw_update: bytes | None = None
    """The update as it was sent, where it is one document."""
    is_whole: bool = True
    """Whether `update` is all of it, or long arrays of numbers were left out of a document."""
    is_multi: bool = False
    is_upsert: bool = False
    array_filters: Sequence[Document] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    sort: Document = field(default_factory=dict)
    hint: Hint = None
    collation: Collation | None = None
    """How strings compare; those of everything but `raw_update` are collated."""

    @property
    def is_replacement(self) -> bool:
        """Whether the update is a whole document."""
        return isinstance(self.update, dict) and not next(iter(self.update), "").startswith("$")

    def whole(self) -> "UpdateStatement":
        """Return the statement with nothing left out of its update."""
        if self.is_whole:
            return self
        assert self.raw_update is not None
        update = under(self.collation, decode(self.raw_update))
        return replace(self, update=update, is_whole=True)

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
        statement = statement.whole()
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
        options = FindOptions(
            statement.sort, None if statement.is_multi else 1, statement.hint, statement.collation
        )
        found = self._writer.collection.find(
            statement.query, statement.variables, read=self._read, options=options
        )
        return found if statement.is_multi else islice(found, 1)

    def replace_by_id(self, statements: Mapping[bytes, UpdateStatement]) -> list[UpdateOutcome]:
        """Run replacements by `_id`, all of them or none.

        Args:
            statements: by their `replaced_id_key`.

        Raises:
            CommandError: one of them cannot be done; which is found by running them one by one.
        """
        self._check_time()
        stored = self._writer.collection.records.by_id_keys(self._read, list(statements))
        replacements, inserts, outcomes = [], [], []
        for id_key, statement in statements.items():
            outcome = UpdateOutcome()
            outcomes.append(outcome)
            found = stored.get(id_key)
            if found is not None:
                outcome.matched = 1
                replacement = self._replacement(statement, id_key, *found)
                outcome.modified = int(replacement is not None)
                replacements += [replacement] if replacement is not None else []
            elif statement.is_upsert:
                inserts.append(_replacing(statement, id_key))
                outcome.upserted_id = inserts[-1].identity
        with self._writer.atomic():
            self._writer.replace_many(replacements)
            self._writer.insert_many(inserts)
        return outcomes

    def _replacement(
        self, statement: UpdateStatement, id_key: bytes, record_id: int, old_raw: bytes
    ) -> Replacement | None:
        """Return the change that a replacement makes, None where it changes nothing."""
        new = _replacing(statement, id_key, old_raw)
        if new.raw == old_raw:
            return None
        old = decode(old_raw) if self._writer.needs_old_documents else None
        return Replacement(record_id, old, new, old_raw)

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
                new = _plain(statement, _changed(statement, changed, row))
                before = old if statement.collation is None else row.stored()
                described = self._description(statement, before, new.document)
                replacements.append(Replacement(record_id, before, new, row.raw, described))
                outcome.after = new.document
        self._writer.replace_many(replacements)
        outcome.matched += len(chunk)
        outcome.modified += len(replacements)

    def _description(
        self, statement: UpdateStatement, old: Document, new: Document
    ) -> Document | None:
        """Return what an update changed where somebody watches, None for a whole replacement."""
        if self._writer.recorder is None or statement.is_replacement:
            return None
        return describe_update(old, new, statement.update)

    def _upsert(self, statement: UpdateStatement, update: Update, outcome: UpdateOutcome) -> None:
        new = _plain(statement, _upserted(statement, update))
        self._writer.insert(new)
        outcome.upserted_id = new.document["_id"]
        outcome.after = new.document


def replaced_id_key(statement: UpdateStatement) -> bytes | None:
    """Return the sort key of the `_id` where a statement only replaces the document of that one.

    Where anything is wrong with it, this is None: it is left to `DocumentUpdater.run` to refuse it.
    """
    if statement.is_multi or statement.sort or statement.array_filters:
        return None
    if statement.collation or statement.hint:
        return None
    identity = statement.query.get("_id")
    if len(statement.query) != 1 or identity is None or isinstance(identity, _NO_IDENTITY):
        return None
    update = statement.update
    if not isinstance(update, dict) or any(name[:1] == "$" for name in update):
        return None
    if "_id" in update and not equal(identity, update["_id"]):
        return None
    return sort_key(identity)


def _replacing(
    statement: UpdateStatement, id_key: bytes, old_raw: bytes | None = None
) -> NewDocument:
    """Return what a replacement by `_id` stores: the bytes as sent, its `_id` in front.

    Args:
        statement: whose `replaced_id_key` is `id_key`.
        id_key: the same for every `_id` that equals the wanted one.
        old_raw: the document that is replaced, None for an upsert.
    """
    assert statement.raw_update is not None
    assert isinstance(statement.update, dict)
    if "_id" in statement.update:
        raw, decoded = with_id_first(statement.raw_update, statement.update)
        is_whole = statement.is_whole
    else:
        owner = old_raw if old_raw is not None else encode_document(statement.query)
        raw, decoded = with_id_of(statement.raw_update, owner), statement.query
        is_whole = False
    check_storable(raw, statement.update)
    return NewDocument(raw, decoded, is_whole=is_whole, id_key=id_key)


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


def _plain(statement: UpdateStatement, new: NewDocument) -> NewDocument:
    """Return a document whose strings are not collated, for the keys of the indexes."""
    return new if statement.collation is None else NewDocument(new.raw, decode(new.raw))


def _checked(raw: bytes, document: Document) -> NewDocument:
    check_storable(raw, document)
    return NewDocument(raw, document)
