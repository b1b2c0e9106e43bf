"""What the benchmark wants of every system."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from scripts.benchmarking.dataset import Dataset, Floats
from scripts.benchmarking.questions import Condition

# The parameters of a search, by the names that the system gives them; {} where it has none.
Setting = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: the item's number, the system's own score or distance, and what it stored."""

    number: int
    score: float
    category: str
    price: float


class System(Protocol):
    """A store of vectors; it is made on an empty folder and asked after `build`."""

    @property
    def ladders(self) -> Sequence[Sequence[Setting]]:
        """Settings to choose from: in each ladder the later ones are the more accurate ones."""

    def build(self, dataset: Dataset) -> None:
        """Store and index everything; return when nothing is left to do."""

    def use(self, setting: Setting) -> None:
        """Search with this setting from now on."""

    def native_filter(self, condition: Condition) -> Any:
        """Return a filter in the system's own language."""

    def search(self, query: Floats, limit: int, native_filter: Any) -> Sequence[Hit]:
        """Return the nearest items, best first; may be called from several threads.

        Args:
            query: (d,) float32, unit length.
            limit: how many.
            native_filter: what `native_filter` returned, or None.
        """

    def process_id(self) -> int:
        """Return the process that holds the data."""

    def close(self) -> None:
        """Give everything back but the files."""


def geometric(first: int, last: int) -> list[int]:
    """Return whole numbers from `first` to `last`, each some eighth above the last one."""
    numbers = [first]
    while numbers[-1] < last:
        numbers.append(min(last, max(numbers[-1] + 1, round(numbers[-1] * 1.125))))
    return numbers
