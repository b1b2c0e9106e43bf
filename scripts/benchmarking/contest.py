"""All systems asked in turn, so that whatever else the machine does is shared by all.

Each is built and tuned alone; after that every question goes round the systems several times, a
part of its queries at a time. A system that fails is left out from there on, with its reason.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType

from scripts.benchmarking.dataset import Dataset
from scripts.benchmarking.measuring import Replies
from scripts.benchmarking.questions import Question
from scripts.benchmarking.session import Footprint
from scripts.benchmarking.systems.system import Setting
from scripts.benchmarking.tuning import tune
from scripts.benchmarking.worker import Unavailable, Worker

logger = logging.getLogger(__name__)

_ROUNDS = 5
_CLIENTS = 4
_TUNING_BUDGET_S = 5.0
_PART_BUDGET_S = 4.0
_THROUGHPUT_REPEATS = 3


@dataclass(slots=True)
class Contestant:
    """A system in the run, and what is known of it so far.

    Attributes:
        worker: its process.
        build_s: how long storing and indexing took.
        setting: the one that it is asked with.
        replies: to each question, by the question's name.
        queries_per_s: with four clients, once for each repeat.
        footprint: after the questions.
        failure: why it is out of the run, None while it is in.
    """

    worker: Worker
    build_s: float = 0.0
    setting: Setting = field(default_factory=dict)
    replies: dict[str, Replies] = field(default_factory=dict)
    queries_per_s: list[float] = field(default_factory=list)
    footprint: Footprint | None = None
    failure: str | None = None


class Contest:
    """Runs the systems; a context that ends their processes.

    Args:
        names: of the systems.
        folder: below which they keep their data.
        limit_s: how long each but LocalAtlas may take in all.
    """

    def __init__(self, names: Sequence[str], folder: Path, limit_s: float) -> None:
        self.contestants = {
            name: Contestant(
                Worker(name, folder / name, None if name == "local_atlas" else limit_s)
            )
            for name in names
        }

    def __enter__(self) -> "Contest":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for contestant in self.contestants.values():
            contestant.worker.close()

    def build(self, dataset: Dataset, question: Question) -> None:
        """Build every system, and find its setting, one after the other."""
        self._in_turn(partial(_build, dataset=dataset, question=question))

    def ask(
        self, question: Question, extra: Sequence[tuple[str, Setting]] = ()
    ) -> list[Replies | None]:
        """Ask every system, a part of the queries each round.

        Args:
            question: what is asked.
            extra: names of systems to ask also with another setting than their own.

        Returns:
            The replies with each of the extra settings, None where the system is not in the run;
            the others are noted with the systems.
        """
        extra_replies = [
            (self.contestants[name], setting, Replies()) if name in self.contestants else None
            for name, setting in extra
        ]
        for part in range(_ROUNDS):
            self._in_turn(partial(_ask, question=question, part=part))
            for one in filter(None, extra_replies):
                contestant, setting, replies = one
                self._attempt(
                    contestant,
                    partial(_ask_with, setting, replies=replies, question=question, part=part),
                )
        logger.info("%s: every system was asked", question.name)
        return [
            None if one is None or one[0].failure is not None else one[2] for one in extra_replies
        ]

    def ask_at_once(self, question: Question) -> None:
        """Let four clients ask each system at the same time, and look at what it takes up."""
        for _ in range(_THROUGHPUT_REPEATS):
            self._in_turn(partial(_ask_at_once, question=question))
        self._in_turn(_look_at_footprint)

    def special(
        self, name: str, method: str, *arguments: object, **options: object
    ) -> float | None:
        """Call what one system alone has; None where it is not in the run."""
        results: list[float] = []
        if name in self.contestants:
            self._attempt(
                self.contestants[name],
                lambda one: results.append(
                    one.worker.call("special", method, *arguments, **options)
                ),
            )
        return results[0] if results else None

    def _in_turn(self, action: Callable[[Contestant], None]) -> None:
        for contestant in self.contestants.values():
            self._attempt(contestant, action)

    def _attempt(self, contestant: Contestant, action: Callable[[Contestant], None]) -> None:
        if contestant.failure is not None:
            return
        try:
            action(contestant)
        except Unavailable as error:
            contestant.failure = str(error)
            logger.warning("%s is left out: %s", contestant.worker.name, error)


def _build(contestant: Contestant, *, dataset: Dataset, question: Question) -> None:
    worker = contestant.worker
    contestant.build_s = worker.call("build", dataset)
    logger.info("%s: built in %.1f s", worker.name, contestant.build_s)
    contestant.setting = tune(worker, question, _TUNING_BUDGET_S)
    logger.info("%s: asked with %s", worker.name, dict(contestant.setting))


def _ask(contestant: Contestant, *, question: Question, part: int) -> None:
    replies = contestant.replies.setdefault(question.name, Replies())
    _ask_with(contestant.setting, contestant, replies=replies, question=question, part=part)


def _ask_with(
    setting: Setting, contestant: Contestant, *, replies: Replies, question: Question, part: int
) -> None:
    replies.extend(contestant.worker.call("ask", setting, question, part, _ROUNDS, _PART_BUDGET_S))


def _ask_at_once(contestant: Contestant, *, question: Question) -> None:
    contestant.queries_per_s.append(
        contestant.worker.call("queries_per_s", contestant.setting, question, _CLIENTS)
    )


def _look_at_footprint(contestant: Contestant) -> None:
    contestant.footprint = contestant.worker.call("footprint")
