"""An observer of runs that remembers, and ends one where a test says so."""

from app.ingest.failures import Failure
from app.ingest.runner import Observer


class Watching(Observer):
    """Keeps what a run tells.

    Attributes:
        failures: in the order in which they were told.
        settled: how many rows have their outcome.

    Args:
        stop_after: asks the run to stop once so many rows have theirs.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        self.failures: list[Failure] = []
        self.settled = 0
        self._stop_after = stop_after

    def on_failure(self, failure: Failure) -> None:
        self.failures.append(failure)

    def on_settled(self, rows: int) -> None:
        self.settled += rows

    def should_stop(self) -> bool:
        return self._stop_after is not None and self.settled >= self._stop_after
