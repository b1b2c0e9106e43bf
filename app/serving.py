"""Which search index the service asks: that of INDEX_FILE, or what stands in for it.

Whoever switches writes it into the database (`app.index_care.switching`), and every process of the
service looks there once a second while it is asked something. Looking, and reading the state of the
other index, is done beside the requests: none of them waits for it, and each goes on with the index
that it began with. An index that could not serve is not gone over to.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pymongo.errors import ConnectionFailure, PyMongoError

from app.errors import DatabaseUnavailable, IndexNotReady, ServiceError
from app.index_care.deriving import check_stand_in
from app.index_care.switching import Switch
from app.indexes import SearchIndex
from app.similar import SimilarItems

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
# After nobody has asked for so long, a request gives the look the time that it mostly takes.
_OLD_AFTER_S = 10.0
_WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class Serving:
    """An index, and the search that asks it."""

    index: SearchIndex
    similar: SimilarItems


class ServedIndex:
    """Goes over to what stands in for an index, and back.

    Args:
        own: of INDEX_FILE.
        read: returns what stands in for it, None for nothing; raises the driver's errors.
        make: returns the search over another index.
    """

    def __init__(
        self,
        own: Serving,
        read: Callable[[], Switch | None],
        make: Callable[[SearchIndex], Serving],
    ) -> None:
        self._own = own
        self._read = read
        self._make = make
        self._lock = threading.Lock()
        self._now = own
        self._followed: Switch | None = None
        self._tried: tuple[Switch, Serving] | None = None
        self._problem: str | None = None
        self._looking: threading.Thread | None = None
        self._looked_at_s = -math.inf

    @property
    def problem(self) -> str | None:
        """Why what is to be asked is not asked, in one sentence, or None."""
        return self._problem

    @property
    def instead_of(self) -> str | None:
        """Name of the index that another one stands in for, None where it is asked itself."""
        return None if self._now is self._own else self._own.index.name

    def current(self) -> Serving:
        """Return what to ask now, as it was a second ago or, after a silence, as it is."""
        age_s = time.monotonic() - self._looked_at_s
        if age_s > LOOK_EVERY_S:
            looking = self._look_beside()
            if age_s > _OLD_AFTER_S:
                looking.join(_WAIT_S)
        return self._now

    def _look_beside(self) -> threading.Thread:
        with self._lock:
            if self._looking is None or not self._looking.is_alive():
                self._looking = threading.Thread(target=self._look, name="look", daemon=True)
                self._looking.start()
            return self._looking

    def _look(self) -> None:
        try:
            wanted = self._read()
            if wanted != self._followed:
                self._go_over(wanted)
            self._problem = None
        except (ConnectionFailure, DatabaseUnavailable):
            pass  # every search tells that
        except (PyMongoError, ServiceError, ValueError) as error:
            self._tell(str(error))
        finally:
            self._looked_at_s = time.monotonic()

    def _go_over(self, wanted: Switch | None) -> None:
        serving = self._own if wanted is None else self._other(wanted)
        problem = serving.similar.problem(serving.similar.refresh_state())
        if problem is not None:
            raise IndexNotReady(problem)
        self._now, self._followed = serving, wanted
        logger.info("Searches ask index %s from now on", serving.index.name)

    def _other(self, wanted: Switch) -> Serving:
        """Return the search over another index, the same one for every try to go over to it."""
        if self._tried is None or self._tried[0] != wanted:
            index = wanted.index
            check_stand_in(self._own.index, index)
            self._tried = wanted, self._make(index)
        return self._tried[1]

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            logger.warning("Searches go on asking %s: %s", self._now.index.name, problem)
        self._problem = problem
