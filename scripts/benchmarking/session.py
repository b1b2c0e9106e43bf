"""What a worker does with its system: build it, ask it, and look at what it takes up."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.benchmarking.dataset import Dataset
from scripts.benchmarking.measuring import Replies
from scripts.benchmarking.processes import folder_size_mb, peak_memory_mb
from scripts.benchmarking.questions import LIMIT, Question
from scripts.benchmarking.systems import open_system
from scripts.benchmarking.systems.system import Setting

_WARM_UPS = 3
_AT_ONCE_BUDGET_S = 4.0


@dataclass(frozen=True, slots=True)
class Footprint:
    """Peak resident memory of the process that holds the data, and its files."""

    rss_mb: float
    disk_mb: float


class Session:
    """One system, from the empty folder to the last query."""

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        self._system = open_system(name, folder)
        self._setting: Setting | None = None

    def build(self, dataset: Dataset) -> float:
        """Store and index everything; return the seconds until nothing was left to do."""
        start_s = time.perf_counter()
        self._system.build(dataset)
        return time.perf_counter() - start_s

    def ladders(self) -> Sequence[Sequence[Setting]]:
        """Return the settings that there are to choose from."""
        return self._system.ladders

    def ask(
        self, setting: Setting, question: Question, first: int, step: int, budget_s: float
    ) -> Replies:
        """Ask one query after the other, as many as fit into the budget, at least one.

        The last queries are asked before, untimed, so that caches are as warm as they get.

        Args:
            setting: to search with.
            question: whose queries are asked with its filter.
            first: the place of the first query to ask.
            step: from one query's place to the next one's.
            budget_s: after which no further query is asked.
        """
        self._use(setting)
        condition = question.condition
        native_filter = None if condition is None else self._system.native_filter(condition)
        search = self._system.search
        end_s = time.perf_counter() + budget_s
        for query in question.queries[-_WARM_UPS:]:
            search(query, LIMIT, native_filter)
        replies = Replies()
        for place in range(first, len(question.queries), step):
            start_s = time.perf_counter()
            hits = search(question.queries[place], LIMIT, native_filter)
            stop_s = time.perf_counter()
            replies.add(place, (stop_s - start_s) * 1e3, [hit.number for hit in hits])
            if stop_s > end_s:
                break
        return replies

    def queries_per_s(self, setting: Setting, question: Question, clients: int) -> float:
        """Let several threads ask at once, each of them every query, without a filter."""
        self._use(setting)
        queries = question.queries
        self._system.search(queries[0], LIMIT, None)
        end_s = time.perf_counter() + _AT_ONCE_BUDGET_S

        def ask_all(client: int) -> int:
            first = client * len(queries) // clients
            for place in range(len(queries)):
                self._system.search(queries[(first + place) % len(queries)], LIMIT, None)
                if time.perf_counter() > end_s:
                    return place + 1
            return len(queries)

        with ThreadPoolExecutor(clients) as threads:
            start_s = time.perf_counter()
            asked = sum(threads.map(ask_all, range(clients)))
            return asked / (time.perf_counter() - start_s)

    def footprint(self) -> Footprint:
        """Return what the system takes up."""
        memory_mb = peak_memory_mb(self._system.process_id())
        return Footprint(memory_mb, folder_size_mb(self._folder))

    def special(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call what only this system has."""
        return getattr(self._system, method)(*arguments, **options)

    def close(self) -> None:
        """End the system."""
        self._system.close()

    def _use(self, setting: Setting) -> None:
        if setting != self._setting:
            self._system.use(setting)
            self._setting = setting
