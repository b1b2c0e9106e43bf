"""The state that an accumulator keeps while values go by."""

from abc import ABC, abstractmethod
from typing import Any


class Fold(ABC):
    """One accumulator of one group."""

    __slots__ = ()

    @abstractmethod
    def add(self, value: Any) -> None:
        """Take the next value, which may be `MISSING`."""

    @abstractmethod
    def result(self) -> Any:
        """Return the accumulated value."""
