"""`--prune` of `scripts.embed_gallery`: what may be pruned, who is asked, how many it were."""

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pymongo.collection import Collection

from app.errors import ConfigError
from app.ingest.listing import Listing
from app.ingest.pruning import GuestPruner, Pruner
from app.ingest.reader import Row
from app.ingest.runner import IngestReport
from app.ingest.updates import UpdateBuilder

logger = logging.getLogger(__name__)


class Pruning:
    """The pruning after one run; does nothing where it is not asked for."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Check the arguments.

        Raises:
            ConfigError: they do not go together, or nobody is there to say yes.
        """
        self._arguments = arguments
        if arguments.yes and not arguments.prune:
            raise ConfigError("--yes answers the question of --prune, which is not given.")
        if arguments.prune:
            _check(arguments)
        self._listing = Listing() if arguments.prune else None
        self._began_at = datetime.now(UTC)

    def watch(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Note what the gallery lists."""
        return rows if self._listing is None else self._listing.watch(rows)

    def finish(
        self,
        report: IngestReport,
        rows: Iterable[Row],
        collection: Collection[dict[str, Any]],
        updates: UpdateBuilder,
    ) -> int:
        """Prune after a run, or say why not.

        Args:
            report: of the run.
            rows: those of `watch` that are left: all, where a cluster has read its own.
            collection: where the run wrote.
            updates: the run's, which say what is its gallery's.

        Returns:
            How many documents it concerned; in a dry run, how many it would.
        """
        if self._listing is None:
            return 0
        problem = (
            "the run was interrupted" if report.is_interrupted else _problem(self._listing, rows)
        )
        if problem is not None:
            logger.warning("Nothing is pruned: %s.", problem)
            return 0
        pruner = self._pruner(self._listing, collection, updates)
        count = pruner.find()
        if self._arguments.dry_run or not count:
            return count
        return pruner.prune() if self._arguments.yes or self._is_agreed(count) else 0

    def close(self) -> None:
        """Forget what was listed."""
        if self._listing is not None:
            self._listing.close()

    def _pruner(
        self, listing: Listing, collection: Collection[dict[str, Any]], updates: UpdateBuilder
    ) -> Pruner:
        assert updates.gallery is not None
        if self._arguments.picture_field is None:
            return Pruner(collection, updates.gallery, listing, began_at=self._began_at)
        visual = updates.layout.picture
        copies = [f"{visual}.{path}" for path in self._arguments.filter_copy]
        return GuestPruner(collection, updates.gallery, listing, index=updates.index, copies=copies)

    def _is_agreed(self, count: int) -> bool:
        if self._arguments.picture_field is None:
            question = f"Delete {count:,} documents that the gallery lists no more? [y/N] "
        else:
            question = f"Remove the embeddings of {count:,} documents without a picture? [y/N] "
        print(question, end="", file=sys.stderr, flush=True)
        try:
            return sys.stdin.readline().strip().lower() in ("y", "yes")
        except KeyboardInterrupt:  # which is no yes, and must not cost the report of the run
            return False


def _check(arguments: argparse.Namespace) -> None:
    for name in ("limit", "drop"):
        if getattr(arguments, name):
            raise ConfigError(f"--{name} does not go with --prune.")
    if not (arguments.yes or arguments.dry_run or sys.stdin.isatty()):
        raise ConfigError("--prune asks on a terminal, and there is none; expected --yes.")


def _problem(listing: Listing, rows: Iterable[Row]) -> str | None:
    for _ in rows:
        pass
    return listing.problem()
