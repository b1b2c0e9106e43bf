"""A LocalAtlas on a loopback port, and the clients that `make test-clients` has installed."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from app.local_atlas.addresses import LoopbackAddress
from app.local_atlas.node import Node, start_node
from tests.clients.shell import Shell

MODULES = PROJECT_ROOT / ".clients" / "node_modules"
DRIVER_SESSIONS = Path(__file__).parent / "driver"
DEADLINE_S = 120


@pytest.fixture(scope="session")
def node_program() -> str:
    """Node.js; these tests are asked for by name, so that what they need must be there."""
    program = shutil.which("node")
    if program is None or not MODULES.is_dir():
        pytest.fail("Node.js and its clients are missing: `make test-clients` installs them.")
    return program


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A LocalAtlas for all clients; each test takes a database of its own."""
    node = start_node(tmp_path_factory.mktemp("clients"), LoopbackAddress("127.0.0.1", 0))
    yield node
    node.close()


@pytest.fixture
def shell(node_program: str, served: Node, tmp_path: Path) -> Shell:
    """A mongosh whose user has typed nothing yet."""
    program = [node_program, str(MODULES / "mongosh" / "bin" / "mongosh.js")]
    return Shell(program, served.address.name, tmp_path)


@pytest.fixture
def run_driver(node_program: str, served: Node) -> Callable[[str], None]:
    """Return a function that runs one of the Node driver's sessions and fails where it fails."""

    def run(session: str) -> None:
        ended = subprocess.run(
            [node_program, str(DRIVER_SESSIONS / f"{session}.cjs"), served.uri, session],
            env={**os.environ, "NODE_PATH": str(MODULES)},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr

    return run
