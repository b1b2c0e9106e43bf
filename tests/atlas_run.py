"""Run the search and index care tests on a real server, and print where it differs.

`make test-atlas` runs it.

A pytest plugin, loaded with `-p tests.atlas_run`. The server is the one that `ATLAS_TEST_URI`
names, which stands in no command line because it may hold a password. Every test that is marked
`atlas` runs as it is; what it compared when it failed is printed at the end, the server's answer
beside the one that LocalAtlas gives. In `assert answer == expected` the answer stands first.

It needs a cluster, of any size, or a `mongodb-atlas-local` container, and a user who may read and
write any database: each test has one of its own, whose name begins with `local_atlas_check_` and
which is dropped after it. No more than three search indexes exist at a time, which is what a free
cluster takes, and about 260 are built one after the other: what a run takes is how long the server
takes for one, some seconds to a minute or two, times that.
Each wait for a build or for a write to be searchable ends after ten minutes.
"""

import os
import sys
from collections.abc import Generator
from typing import Any

import pytest
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError

from tests import real_server

_VALUE_CHARACTERS = 600


class Differences:
    """What the server answered otherwise, test by test."""

    def __init__(self, server: real_server.RealServer, described: str) -> None:
        self._server, self._described = server, described
        self._compared: tuple[str, str] | None = None
        self._found: list[tuple[str, str, str]] = []
        self._other_words: list[tuple[str, str, str]] = []
        self._passed = 0

    def pytest_report_header(self) -> str:
        """Name the server above the tests."""
        return f"real server: {self._described}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> None:
        """Keep what a failing assertion compared."""
        self._compared = (_shown(right), _shown(left)) if op == "==" else None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note a test that failed as a difference."""
        report = yield
        if report.failed and call.excinfo is not None:
            self._found.append((item.nodeid, *self._expected_and_answered(call.excinfo)))
            if call.excinfo.errisinstance(ServerSelectionTimeoutError):
                item.session.shouldstop = "the server is gone"
        elif report.when == "call":
            self._passed += report.passed
        for answered, expected in self._server.other_words:
            self._other_words.append((item.nodeid, _shown(expected), _shown(answered)))
        self._server.other_words.clear()
        self._compared = None
        return report

    def _expected_and_answered(self, error: pytest.ExceptionInfo[BaseException]) -> tuple[str, str]:
        if error.errisinstance(AssertionError) and self._compared is not None:
            return self._compared
        return "the test passes", f"{error.typename}: {_cut(str(error.value))}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print every difference below the tests."""
        for title, found in (
            ("index commands refused as expected, in other words", self._other_words),
            ("differences between LocalAtlas and the server", self._found),
        ):
            terminalreporter.section(title)
            for test, expected, answered in found:
                terminalreporter.write_line(test)
                terminalreporter.write_line(f"    LocalAtlas  {expected}")
                terminalreporter.write_line(f"    the server  {answered}")
        terminalreporter.write_line(
            f"differences: {len(self._found)}, tests passed: {self._passed}, "
            f"refusals in other words: {len(self._other_words)}; {self._described}"
        )


def pytest_configure(config: pytest.Config) -> None:
    """Connect, or end with one sentence."""
    uri = os.environ.get("ATLAS_TEST_URI")
    if not uri:
        pytest.exit("ATLAS_TEST_URI is not set; it names the server to test.", returncode=2)
    try:
        server = real_server.RealServer(uri)
        described = server.describe()
    except (PyMongoError, ValueError) as error:  # a port that is none is a ValueError
        why = str(error).split(", full error:")[0].split(" (configured timeouts")[0]
        pytest.exit(f"The server of ATLAS_TEST_URI cannot be asked: {why}", returncode=2)
    real_server.asked = server
    config.pluginmanager.register(Differences(server, described), "atlas differences")


def pytest_unconfigure() -> None:
    """Leave nothing on the server, also after Ctrl-C."""
    server, real_server.asked = real_server.asked, None
    if server is None:
        return
    try:
        server.close()
    except (PyMongoError, TimeoutError) as error:
        sys.stderr.write(f"Databases {server.prefix}* may be left on the server: {error}\n")


def _shown(value: object) -> str:
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE_CHARACTERS else f"{text[:_VALUE_CHARACTERS]} …"
