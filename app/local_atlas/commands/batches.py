"""Batches of writes: many at once where that goes, else one by one to find what is at fault."""

from collections.abc import Iterator, Sequence

from ..collection_writer import CollectionWriter
from ..document_updates import (
    DocumentUpdater,
    UpdateOutcome,
    UpdateStatement,
    replaced_id_key,
)
from ..errors import CommandError
from ..new_document import NewDocument
from .write_errors import WriteErrors

_Run = dict[bytes | None, tuple[int, UpdateStatement]]
"""By the sort key of the `_id` that a replacement is about; None for a statement by itself."""


def insert_batch(
    writer: CollectionWriter, batch: Sequence[tuple[int, NewDocument]], errors: WriteErrors
) -> int:
    """Insert documents, each with its place in the batch, and return how many went in."""
    try:
        writer.insert_many([document for _, document in batch])
    except CommandError:
        return _insert_one_by_one(writer, batch, errors)
    return len(batch)


def update_batch(
    updater: DocumentUpdater, statements: Sequence[UpdateStatement], errors: WriteErrors
) -> Iterator[tuple[int, UpdateOutcome]]:
    """Run update statements in their order, those that only replace by `_id` many at a time.

    Returns:
        The place in the batch and the outcome of each that did not fail.
    """
    for run in _runs(statements):
        yield from _update_run(updater, run, errors)
        if errors.stop:
            return


def _runs(statements: Sequence[UpdateStatement]) -> Iterator[_Run]:
    """Split into runs of replacements by `_id`, no `_id` twice in one, and single others."""
    run: _Run = {}
    for index, statement in enumerate(statements):
        key = replaced_id_key(statement)
        if run and (key is None or key in run):
            yield run
            run = {}
        if key is None:
            yield {None: (index, statement)}
        else:
            run[key] = index, statement
    if run:
        yield run


def _update_run(
    updater: DocumentUpdater, run: _Run, errors: WriteErrors
) -> Iterator[tuple[int, UpdateOutcome]]:
    if len(run) > 1:
        try:
            outcomes = updater.replace_by_id({key: one for key, (_, one) in run.items() if key})
        except CommandError:
            pass  # one of them is at fault: which one shows below
        else:
            yield from zip((index for index, _ in run.values()), outcomes, strict=True)
            return
    for index, statement in run.values():
        with errors.of(index):
            yield index, updater.run(statement)
        if errors.stop:
            return


def _insert_one_by_one(
    writer: CollectionWriter, batch: Sequence[tuple[int, NewDocument]], errors: WriteErrors
) -> int:
    inserted = 0
    for index, document in batch:
        try:
            writer.insert(document)
            inserted += 1
        except CommandError as error:
            errors.add(index, error)
            if errors.is_ordered:
                break
    return inserted
