"""What `$merge` does to the store: updates and inserts, batch by batch, like those commands.

What is written before an error stays, as on the real server. Each batch is one transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import Regex

from ..document_updates import DocumentUpdater, UpdateStatement
from ..errors import CommandError
from ..mql.operators.support import is_null, location
from ..mql.outputs import Merge, Write
from ..mql.paths import MISSING, as_document
from ..mql.rows import Row, decode
from ..namespaces import is_internal_database, is_system_collection
from ..new_document import new_document
from ..raw_documents import encode_document
from ..spool import Spool
from ..store import StoredCollection
from .batches import insert_batch, update_batch
from .outputs import full_name
from .table import CommandContext
from .write_errors import WriteErrors

Document = dict[str, Any]

_DUPLICATE_KEY, _IMMUTABLE_FIELD = 11000, 66


def merging(context: CommandContext, merge: Merge, variables: Mapping[str, Any]) -> Write:
    """Return what merges rows into a collection.

    Args:
        context: of the command.
        merge: the parsed stage.
        variables: those of the command; each row of a merge by a pipeline brings its own.

    Raises:
        CommandError: 73, 31319 or 31320, nothing may be written there; 51183, no unique index has
            the paths of `on`; from the result as inserts and updates do, 13113 where a result
            matches nothing and should, 51132 and 51185 for one without a value at `on`.
    """
    database, name = full_name(context, "$merge", merge.target)
    takes_null = _takes_null(context.store.collection(database, name), merge.on)
    if is_system_collection(name):
        raise location(31319, f"Cannot $merge to special collection: {name}")
    if is_internal_database(database):
        raise location(31320, f"Cannot $merge to internal database: {database}")
    merger = _Merger(context, merge, variables, database, name, takes_null)

    def write(rows: Iterator[Row]) -> None:
        with Spool(rows) as spool:
            for batch in spool.batches():
                context.check_time()
                merger.write(batch)

    return write


def _takes_null(collection: StoredCollection | None, on: Sequence[str]) -> bool:
    """Tell whether the unique index of these paths holds null, too.

    Raises:
        CommandError: 51183, there is no such index.
    """
    found = [] if collection is None else collection.indexes
    unique = [
        index.specification
        for index in found
        if index.is_unique and set(index.paths) == set(on)
        if "partialFilterExpression" not in index.specification
    ]
    if tuple(on) != ("_id",) and not unique:
        raise location(51183, "Cannot find index to verify that join fields will be unique")
    return not unique or not all(each.get("sparse") for each in unique)


@dataclass(frozen=True, slots=True)
class _Merger:
    """Writes the rows of one `$merge`.

    Attributes:
        context: of the command.
        merge: the parsed stage.
        variables: those of the command.
        database: written to.
        name: of the collection there.
        takes_null: a result may lack a value at `on`.
    """

    context: CommandContext
    merge: Merge
    variables: Mapping[str, Any]
    database: str
    name: str
    takes_null: bool

    def write(self, batch: Sequence[bytes]) -> None:
        """Merge one batch in one transaction, which stays even if a part of it fails."""
        errors = WriteErrors(is_ordered=False)
        if self.merge.when_matched == "fail":
            self._insert(batch, errors)
            matched = len(batch)
        else:
            matched = self._update(batch, errors)
        if errors.first is not None:
            raise self._in_context(errors.first)
        if self.merge.when_not_matched == "fail" and matched < len(batch):
            raise CommandError(
                13113,
                "MergeStageNoMatchingDocument",
                "$merge could not find a matching document in the target collection for at least "
                "one document in the source collection",
            )

    def _insert(self, batch: Sequence[bytes], errors: WriteErrors) -> None:
        for raw in batch:
            self._query(decode(raw))
        documents = [(place, new_document(raw)) for place, raw in enumerate(batch)]
        with self.context.store.write() as transaction:
            insert_batch(transaction.writer(self.database, self.name), documents, errors)

    def _update(self, batch: Sequence[bytes], errors: WriteErrors) -> int:
        """Update by each result and return how many of them matched a document."""
        by_pipeline = self.merge.when_matched == "pipeline"
        changes = [self._by_pipeline(raw) if by_pipeline else self._change(raw) for raw in batch]
        with self.context.store.write() as transaction:
            if transaction.collection(self.database, self.name) is None and not self.merge.inserts:
                return 0
            writer = transaction.writer(self.database, self.name)
            updater = DocumentUpdater(writer, transaction.read, self.context.check_time)
            if by_pipeline and self.merge.inserts:
                return _update_or_insert(updater, changes, errors)
            updates = [change.update for change in changes]
            return sum(found.matched for _, found in update_batch(updater, updates, errors))

    def _change(self, raw: bytes) -> "_Change":
        """Return the update by one result: it whole, its fields, or it where there is none."""
        document = decode(raw)
        query, mode = self._query(document), self.merge.when_matched
        if mode == "replace":
            return _Change(self._replacement(query, document, raw))
        kept = {"_id"} & set(self.merge.on)  # is equal, and stays as it is stored
        fields = {name: value for name, value in document.items() if name not in kept}
        operator = "$set" if mode == "merge" else "$setOnInsert"
        return _Change(UpdateStatement(query, {operator: fields}, is_upsert=self.merge.inserts))

    def _by_pipeline(self, raw: bytes) -> "_Change":
        """Return the update by a row of a document and variables, see `Environment.merging`."""
        bound = decode(raw)
        document = bound["document"]
        query = self._query(document)
        missing = dict.fromkeys(self.merge.let or (), MISSING)
        variables = {**self.variables, **missing, **bound["variables"]}
        update = UpdateStatement(query, list(self.merge.pipeline), variables=variables)
        insertion = self._replacement(query, document, encode_document(document))
        return _Change(update, insertion)

    def _replacement(self, query: Document, document: Document, raw: bytes) -> UpdateStatement:
        name = next(iter(document), "")
        if name.startswith("$"):  # would be taken for an update operator
            raise CommandError(
                52,
                "DollarPrefixedFieldName",
                f"The dollar ($) prefixed field '{name}' in '{name}' is not valid for storage.",
            )
        return UpdateStatement(query, document, raw_update=raw, is_upsert=self.merge.inserts)

    def _query(self, document: Document) -> Document:
        """Return the query for the stored document that a result matches."""
        return {path: _literally(self._value_at(document, path)) for path in self.merge.on}

    def _value_at(self, document: Document, path: str) -> Any:
        value: Any = document
        for name in path.split("."):
            parent = as_document(value)
            value = MISSING if parent is None else parent.get(name, MISSING)
            if isinstance(value, list):
                raise location(51185, f"$merge write error: 'on' field '{path}' is an array")
        if is_null(value) and not self.takes_null:
            raise location(
                51132,
                f"$merge write error: 'on' field '{path}' cannot be missing, null or undefined if "
                "supporting index is sparse",
            )
        return None if value is MISSING else value

    def _in_context(self, error: CommandError) -> CommandError:
        """Return the error of an update or insert as that of the stage."""
        if error.code == _IMMUTABLE_FIELD:
            context = (
                "$merge failed to update the matching document, did you attempt to modify the _id "
                "or the shard key?"
            )
        elif error.code != _DUPLICATE_KEY:
            return error
        elif self.merge.when_matched == "fail" and set(error.extra["keyPattern"]) == set(
            self.merge.on
        ):
            context = (
                "$merge with whenMatched: fail found an existing document with the same values for "
                "the 'on' fields"
            )
        else:
            context = "$merge failed due to a DuplicateKey error"
        message = f"{context} :: caused by :: {error.message}"
        return CommandError(error.code, error.code_name, message, error.extra)


@dataclass(frozen=True, slots=True)
class _Change:
    """What one result does: an update, and what is done where that matches nothing."""

    update: UpdateStatement
    insertion: UpdateStatement | None = None


def _update_or_insert(
    updater: DocumentUpdater, changes: Sequence[_Change], errors: WriteErrors
) -> int:
    """Run each update, and its insertion where nothing matches; return how many matched."""
    matched = 0
    for place, change in enumerate(changes):
        with errors.of(place):
            found = updater.run(change.update).matched
            matched += found
            if not found and change.insertion is not None:
                updater.run(change.insertion)
    return matched


def _literally(value: Any) -> Any:
    """Return a condition that takes no value for an operator or a pattern."""
    return {"$eq": value} if isinstance(value, dict | Regex) else value
