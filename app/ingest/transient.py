"""Trying again what a database may well do a moment later: a failover, a connection that was cut.

The driver itself tries once more, and at once. Whatever is tried again here gives the same result
however often it was done.
"""

import logging

from pymongo.errors import ConnectionFailure, PyMongoError, ServerSelectionTimeoutError
from tenacity import (
    RetryCallState,
    retry,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

logger = logging.getLogger(__name__)

_ATTEMPTS = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0
# What the server calls its own transient errors, and what the driver adds to those of the network:
# https://www.mongodb.com/docs/manual/core/retryable-writes/
_LABEL = "RetryableWriteError"


def _is_transient(error: BaseException) -> bool:
    # The driver has waited for a server half a minute by then.
    if isinstance(error, ServerSelectionTimeoutError):
        return False
    is_labelled = isinstance(error, PyMongoError) and error.has_error_label(_LABEL)
    return isinstance(error, ConnectionFailure) or is_labelled


def _log(state: RetryCallState) -> None:
    assert state.outcome is not None
    reason = " ".join(str(state.outcome.exception()).split())
    logger.warning("The database is asked again (attempt %d): %s", state.attempt_number, reason)


retried = retry(
    retry=retry_if_exception(_is_transient),
    stop=stop_after_attempt(_ATTEMPTS),
    wait=wait_random_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
    before_sleep=_log,
    reraise=True,
)
