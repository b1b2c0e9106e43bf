"""Web servers on loopback, and fetchers that take loopback for a part of the internet."""

import contextlib
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from app.fetching import Fetcher, FetchLimits
from tests.picture_server import HOST, LOOPBACK, PictureServer, serving


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    """Return a client's context that believes the tests' own authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@pytest.fixture
def pictures(authority: trustme.CA) -> Iterator[PictureServer]:
    """A TLS server whose certificate is for `pictures.example`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    with serving(context) as server:
        yield server


@pytest.fixture
def plain_pictures() -> Iterator[PictureServer]:
    """A server without TLS."""
    with serving() as server:
        yield server


class Resolver:
    """Gives every host the same addresses, each time it is asked the next ones if there are more.

    Attributes:
        asked: the hosts, in order.
    """

    def __init__(self, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = answers

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self._answers[min(len(self.asked), len(self._answers)) - 1]


@pytest.fixture
def open_fetcher(trust: ssl.SSLContext) -> Iterator[Callable[..., Fetcher]]:
    """Return a function that opens a fetcher; limits by name, the constructor's arguments too."""
    with contextlib.ExitStack() as stack:

        def open_one(**arguments: Any) -> Fetcher:
            own = {"allow_http", "allowed_networks", "resolve", "ssl_context"} & set(arguments)
            defaults = {
                "allowed_networks": LOOPBACK,
                "resolve": Resolver(["127.0.0.1"]),
                "ssl_context": trust,
            }
            given = {name: arguments.pop(name) for name in own}
            limits = FetchLimits(**{"backoff_s": 0.01, "total_s": 20, **arguments})
            return stack.enter_context(Fetcher(limits, **{**defaults, **given}))

        yield open_one
