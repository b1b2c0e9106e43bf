"""The one error of fetching, and what becomes one."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore2

from app.errors import ServiceError
from app.fetching.deadline import Deadline


class FetchError(ServiceError):
    """A URL that gives no picture; the message never holds its query.

    Attributes:
        retryable: whether the same URL may well give the picture later.
        retry_after_s: how long the server asks to be left alone, None where it does not say.
    """

    status = 422
    code = "picture_not_fetched"
    title = "Picture not fetched"

    def __init__(
        self, message: str, *, retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class HostNotAsked(FetchError):
    """The host was left alone: it is away, or busy with other pictures of ours."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


@contextmanager
def network_errors(shown_url: str, deadline: Deadline) -> Iterator[None]:
    """Turn whatever goes wrong on the way into one sentence.

    Raises:
        FetchError: a timeout, a connection that fails or breaks off, a certificate, no HTTP.
    """
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise _of_timeout(error, shown_url, deadline) from error
    except httpcore2.ConnectError as error:
        raise _of_connecting(error, shown_url) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise FetchError(
            f"{shown_url} broke off, or did not answer in HTTP.", retryable=True
        ) from error


def _of_timeout(
    error: httpcore2.TimeoutException, shown_url: str, deadline: Deadline
) -> FetchError:
    if not deadline.left_s():
        problem = f"took longer than {deadline.seconds:g} s in all"
    elif isinstance(error, httpcore2.ConnectTimeout):
        problem = "cannot be reached: no answer in time"
    else:
        problem = "went silent"
    return FetchError(f"{shown_url} {problem}.", retryable=True)


def _of_connecting(error: httpcore2.ConnectError, shown_url: str) -> FetchError:
    cause = error.args[0] if error.args else None  # the pool takes `__cause__` away
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FetchError(
            f"{shown_url} has no valid certificate: {cause.verify_message.rstrip('.')}."
        )
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
        return FetchError(f"{shown_url} does not speak TLS as it should: {cause.reason}.")
    reason = getattr(cause, "strerror", None) or "the connection broke off"
    return FetchError(f"{shown_url} cannot be reached: {reason}.", retryable=True)
