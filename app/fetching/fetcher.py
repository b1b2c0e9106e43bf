"""Fetches pictures: asks, follows redirects, retries what may pass, and stays within its limits."""

import logging
import ssl
from collections.abc import Callable, Sequence
from functools import cache
from types import TracebackType

import httpcore2
import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from app.config import Settings
from app.fetching.addresses import AddressRule
from app.fetching.answers import (
    Fetched,
    Headers,
    NotModified,
    Redirect,
    condition_headers,
    read_answer,
)
from app.fetching.deadline import Deadline, current_deadline
from app.fetching.errors import FetchError, HostNotAsked, network_errors
from app.fetching.limits import FetchLimits
from app.fetching.network import CheckedNetwork, Resolve, system_addresses
from app.fetching.outages import Outages
from app.fetching.turns import Turns
from app.fetching.urls import check_url, parse_url, shown_url

# Everything that is ever sent besides the host and the condition: no cookie, no password, no proxy.
_HEADERS: Headers = {
    "User-Agent": "similar-items",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
}
_MAX_IDLE_CONNECTIONS = 32
_IDLE_S = 15.0

# Its debug lines hold the headers of answers: where a redirect leads, with any signature.
logging.getLogger("httpcore2").setLevel(logging.INFO)


class Fetcher:
    """Fetches pictures, from any number of threads; keeps connections for the next picture.

    It may be sent to another process, and is there the one fetcher of its settings: connections and
    the limit on requests to a host are each process's own.

    Args:
        limits: what one fetch may cost.
        allow_http: whether URLs without TLS are fetched too.
        allowed_networks: networks such as "10.0.0.0/8" whose addresses are asked besides the
            global ones. Whoever writes the URLs can then read from them.
        resolve: gives a host's addresses; this machine's resolver by default.
        ssl_context: verifies servers; by default with the certificates that this system trusts.
    """

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        allow_http: bool = False,
        allowed_networks: Sequence[str] = (),
        resolve: Resolve = system_addresses,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits or FetchLimits()
        self._recipe = (
            self._limits,
            allow_http,
            tuple(allowed_networks),
            resolve,
            ssl_context,
        )
        self._allow_http = allow_http
        self._turns = Turns(self._limits.per_host)
        self._outages = Outages(
            after_failures=self._limits.max_failures, pause_s=self._limits.outage_s
        )
        self._backoff = wait_random_exponential(
            multiplier=self._limits.backoff_s, max=self._limits.max_retry_after_s
        )
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl_context or httpcore2.default_ssl_context(),
            max_connections=None,  # as many as threads ask
            max_keepalive_connections=_MAX_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_S,
            network_backend=CheckedNetwork(AddressRule(allowed_networks), resolve),
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> "Fetcher":
        """Return a fetcher as the settings want it, which asks global addresses only."""
        limits = FetchLimits(
            max_bytes=settings.fetch_max_bytes,
            total_s=settings.fetch_timeout_ms / 1000,
            per_host=settings.fetch_per_host,
        )
        return cls(limits, allow_http=settings.allow_http_images)

    def fetch(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Fetched | NotModified:
        """Return what is at a URL.

        Args:
            url: https, or http where that is allowed.
            etag: of an earlier answer; with it or `last_modified` the server is asked for the
                picture only if it has changed.
            last_modified: as `etag`.

        Raises:
            FetchError: there is no picture, or none within the limits.
        """
        first = parse_url(url, allow_http=self._allow_http)
        condition = condition_headers(etag, last_modified)
        self._outages.check(first.host)
        deadline = Deadline(self._limits.total_s)
        token = current_deadline.set(deadline)
        try:
            answer = self._retrying(deadline)(self._follow, first, condition, deadline)
        except FetchError as error:
            self._outages.note(first.host, error)
            raise
        finally:
            current_deadline.reset(token)
        self._outages.note(first.host, None)
        return answer

    def close(self) -> None:
        """Close the connections that are kept; no other thread may be fetching."""
        self._pool.close()

    def __enter__(self) -> "Fetcher":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[..., "Fetcher"], tuple[object, ...]]:
        return _of_this_process, self._recipe

    def _retrying(self, deadline: Deadline) -> Retrying:
        def is_last(state: RetryCallState) -> bool:
            pause_s = state.upcoming_sleep
            return (
                state.attempt_number > self._limits.max_retries
                or pause_s > self._limits.max_retry_after_s
                or pause_s >= deadline.left_s()
            )

        return Retrying(
            retry=retry_if_exception(_may_pass), wait=self._pause_s, stop=is_last, reraise=True
        )

    def _pause_s(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked_s = error.retry_after_s if isinstance(error, FetchError) else None
        return max(asked_s or 0.0, self._backoff(state))

    def _follow(
        self, url: httpx2.URL, condition: Headers, deadline: Deadline
    ) -> Fetched | NotModified:
        seen = set()
        for _ in range(self._limits.max_redirects + 1):
            if url in seen:
                raise FetchError(f"{shown_url(url)} redirects in a circle.")
            seen.add(url)
            answer = self._ask(url, condition, deadline)
            if not isinstance(answer, Redirect):
                return answer
            check_url(answer.url, allow_http=self._allow_http)
            url = answer.url
        raise FetchError(
            f"{shown_url(url)} is the end of more than {self._limits.max_redirects} redirects."
        )

    def _ask(
        self, url: httpx2.URL, condition: Headers, deadline: Deadline
    ) -> Fetched | NotModified | Redirect:
        timeouts = {"connect": self._limits.connect_s}
        timeouts["read"] = timeouts["write"] = self._limits.read_s
        headers: dict[bytes | str, bytes | str] = {"Host": url.netloc, **_HEADERS, **condition}
        target = httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        with self._turns.take(url.host, self._limits.turn_s) as waited_s:
            deadline.extend(waited_s)
            with (
                network_errors(shown_url(url), deadline),
                self._pool.stream(
                    "GET", target, headers=headers, extensions={"timeout": timeouts}
                ) as response,
            ):
                return read_answer(
                    response, url, max_bytes=self._limits.max_bytes, is_conditional=bool(condition)
                )


@cache
def _of_this_process(
    limits: FetchLimits,
    allow_http: bool,
    allowed_networks: tuple[str, ...],
    resolve: Resolve,
    ssl_context: ssl.SSLContext | None,
) -> Fetcher:
    return Fetcher(
        limits,
        allow_http=allow_http,
        allowed_networks=allowed_networks,
        resolve=resolve,
        ssl_context=ssl_context,
    )


def _may_pass(error: BaseException) -> bool:
    is_asked = not isinstance(error, HostNotAsked)
    return is_asked and isinstance(error, FetchError) and error.retryable
