"""Connections to addresses that were checked, under a deadline that nothing outlasts.

httpcore2 asks its network backend for every byte. This one looks a name up once for each
connection, refuses the name if any of its addresses is not allowed, and connects to the very
address it has checked: a second answer of the resolver never counts. TLS is verified against the
name, by httpcore2, as ever. A server that sends one byte a second beats a timeout between bytes, so
each read also gets no longer than what the fetch has left.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any

import httpcore2

from app.fetching.addresses import AddressRule
from app.fetching.deadline import current_deadline
from app.fetching.errors import FetchError

logger = logging.getLogger(__name__)

Resolve = Callable[[str, int], Sequence[str]]
# A name may have dozens of addresses; where the first of them are dead, so is the host.
MAX_ADDRESSES_TRIED = 3


def system_addresses(host: str, port: int) -> list[str]:
    """Return a host's addresses, the best first, as this machine's resolver gives them.

    Raises:
        OSError: the name is unknown, or nobody answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedNetwork(httpcore2.NetworkBackend):
    """Connects to what a rule allows.

    Args:
        rule: which addresses may be connected to.
        resolve: gives a host's addresses.
    """

    def __init__(self, rule: AddressRule, resolve: Resolve) -> None:
        self._rule = rule
        self._resolve = resolve
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Look up, check, connect.

        Raises:
            FetchError: the host is unknown or has an address that is not allowed.
            httpcore2.ConnectError, httpcore2.ConnectTimeout: it cannot be reached.
        """
        failure: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for address in self._allowed_addresses(host, port, timeout)[:MAX_ADDRESSES_TRIED]:
            try:
                return self._connect(address, port, timeout)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        if failure is None:
            raise FetchError(f"The host {host} has no address.")
        raise failure

    def _connect(self, address: str, port: int, timeout: float | None) -> httpcore2.NetworkStream:
        left_s = current_deadline.get().left_s(timeout)
        if not left_s:  # no time at all would mean: do not wait
            raise httpcore2.ConnectTimeout
        return _TimedStream(self._sockets.connect_tcp(address, port, left_s))

    def _allowed_addresses(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        addresses = self._look_up(host, port, timeout)
        for address in addresses:
            if not self._rule.allows(address):
                # The address is for who runs this, not for who sent the URL to find it out.
                logger.warning("The host %s is at %s: refused", host, address)
                raise FetchError(
                    f"The host {host} is at an address which is no public address of the internet."
                )
        return addresses

    def _look_up(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        """Resolve in a thread of its own: a resolver takes no timeout, and may take minutes."""
        answer: Future[Sequence[str]] = Future()

        def look_up() -> None:
            try:
                answer.set_result(self._resolve(host, port))
            except Exception as error:
                answer.set_exception(error)

        threading.Thread(target=look_up, name="resolve", daemon=True).start()
        try:
            return answer.result(current_deadline.get().left_s(timeout))
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        except (OSError, UnicodeError) as error:  # a label that is too long is a UnicodeError
            is_temporary = isinstance(error, OSError) and error.errno == socket.EAI_AGAIN
            raise FetchError(
                f"The host {host} cannot be found: {getattr(error, 'strerror', None) or error}.",
                retryable=is_temporary,
            ) from error


class _TimedStream(httpcore2.NetworkStream):
    """A connection on which nothing lasts longer than the fetch that it serves at the moment."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left_s = current_deadline.get().left_s(timeout)
        if not left_s:
            raise httpcore2.ReadTimeout
        return self._stream.read(max_bytes, left_s)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left_s = current_deadline.get().left_s(timeout)
        if not left_s:
            raise httpcore2.WriteTimeout
        self._stream.write(buffer, left_s)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left_s = current_deadline.get().left_s(timeout)
        if not left_s:
            raise httpcore2.ConnectTimeout
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left_s))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
