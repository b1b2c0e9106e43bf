"""The `writeErrors` of a batch: which of its statements failed, and whether to go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import CommandError

Document = dict[str, Any]

_ENDS_COMMAND = frozenset({50, 112})  # no time is left, a write conflict: not of one statement


class WriteErrors:
    """Collects the failures of single statements.

    Args:
        is_ordered: the first failure ends the batch.
    """

    def __init__(self, is_ordered: bool) -> None:
        self.is_ordered = is_ordered
        self._errors: dict[int, CommandError] = {}

    @property
    def stop(self) -> bool:
        """Whether the rest of the batch is not to be tried."""
        return self.is_ordered and bool(self._errors)

    def at(self, index: int) -> CommandError | None:
        """Return the failure of the statement at this place of the batch; None where it went."""
        return self._errors.get(index)

    @property
    def first(self) -> CommandError | None:
        """The failure of the first statement that failed; None where all went well."""
        return self._errors[min(self._errors)] if self._errors else None

    def add(self, index: int, error: CommandError) -> None:
        """Note that the statement at this place of the batch failed."""
        if error.code in _ENDS_COMMAND:
            raise error
        self._errors[index] = error

    @contextmanager
    def of(self, index: int) -> Iterator[None]:
        """Note the failure of the block as that of one statement."""
        try:
            yield
        except CommandError as error:
            self.add(index, error)

    def reply(self) -> Document:
        """Return the field `writeErrors`, nothing where all went well."""
        failed = sorted(self._errors.items())[: 1 if self.is_ordered else None]
        if not failed:
            return {}
        return {"writeErrors": [_entry(index, error) for index, error in failed]}


def _entry(index: int, error: CommandError) -> Document:
    return {"index": index, "code": error.code, **error.extra, "errmsg": error.message}
