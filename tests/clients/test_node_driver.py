"""MongoDB's driver for Node.js: each session is a script of its own in `driver/`."""

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.clients


@pytest.mark.parametrize(
    "session", ["crud", "cursors", "search", "types", "parallel", "changes", "transactions"]
)
def test_node_driver_runs_its_session(run_driver: Callable[[str], None], session: str) -> None:
    run_driver(session)
