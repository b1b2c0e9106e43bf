"""What `$out` does to the store, and where `$out` and `$merge` may write.

`$out` is one transaction: a new collection with the ordinary indexes of the old one takes its
place, as the rename of the real server does it; search indexes go with the old one, as on Atlas.
https://jira.mongodb.org/browse/DOCS-15052
"""

from collections.abc import Iterator, Sequence

from ..collection_writer import CollectionWriter
from ..errors import CommandError
from ..mql.operators.support import location
from ..mql.outputs import Target, Write
from ..mql.rows import Row
from ..namespaces import (
    is_collection_name,
    is_database_name,
    is_internal_database,
    is_system_collection,
)
from ..new_document import NewDocument, new_document
from ..spool import Spool
from ..views import refuse_view
from ..write_transaction import WriteTransaction
from .table import CommandContext


def replacing(context: CommandContext, target: Target) -> Write:
    """Return what replaces a collection by rows, all at once or not at all.

    Raises:
        CommandError: 73, 17385 or 31321, nothing may be written there; from the result as an
            insert does.
    """
    database, name = full_name(context, "$out", target)
    if is_system_collection(name):
        raise location(17385, f"Can't $out to special collection: {name}")
    if is_internal_database(database):
        raise location(31321, f"Can't $out to internal database: {database}")

    def write(rows: Iterator[Row]) -> None:
        with Spool(rows) as spool, context.store.write() as transaction:
            writer = _empty_copy(transaction, database, name)
            for batch in spool.batches():
                context.check_time()
                _insert(writer, [new_document(raw) for raw in batch])

    return write


def full_name(context: CommandContext, stage: str, target: Target) -> tuple[str, str]:
    """Return the database and the collection that a stage writes to.

    Raises:
        CommandError: 73, there can be no such collection.
    """
    database = context.database if target.database is None else target.database
    if not is_database_name(database) or not is_collection_name(target.collection):
        namespace = f"{database}.{target.collection}"
        shown = f", {namespace}" if stage == "$out" else f": '{namespace}'"
        raise CommandError(73, "InvalidNamespace", f"Invalid {stage} target namespace{shown}")
    return database, target.collection


def _empty_copy(transaction: WriteTransaction, database: str, name: str) -> CollectionWriter:
    """Put an empty collection with the same ordinary indexes in the place of one."""
    old = transaction.collection(database, name)
    if old is not None:
        refuse_view(old.namespace, old.options)
    indexes = () if old is None else transaction.indexes_of(old)
    if old is not None:
        transaction.drop_collection(old)
    options = {} if old is None else transaction.options_of(old)
    new = transaction.create_collection(database, name, options)
    for index in indexes:
        transaction.create_index(new, index.specification)
    return transaction.writer(database, name)


def _insert(writer: CollectionWriter, batch: Sequence[NewDocument]) -> None:
    try:
        writer.insert_many(batch)
    except CommandError:
        for document in batch:  # the error is to name the one at fault
            writer.insert(document)
