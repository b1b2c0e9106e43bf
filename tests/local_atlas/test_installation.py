"""The wheel, installed where nothing else of this repository is; needs a package index."""

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from tests.local_atlas.processes import kill

pytestmark = pytest.mark.slow

PAGE = PROJECT_ROOT / "docs" / "local_atlas.md"
TIMEOUT_S = 300


def run(command: Sequence[object], cwd: Path) -> str:
    """Run a command away from this repository and return what it prints."""
    result = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=TIMEOUT_S,
        env=outer_environment(os.environ),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def outer_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what would let this run's Python or pytest in."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(("PYTHON", "PYTEST", "VIRTUAL_ENV"))
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree: building leaves files behind."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(PROJECT_ROOT / "pyproject.toml", tree)
    for name in ("app", "docs", "scripts", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT_ROOT / name, tree / name, ignore=ignored)
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, tree], folder)
    (wheel,) = folder.glob("local_atlas-*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a venv that holds the wheel, what it asks for, and pytest."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run([*pip, wheel, "pytest", "pytest-xdist"], folder)
    return python


def test_wheel_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    package = PROJECT_ROOT / "app" / "local_atlas"
    modules = {f"local_atlas/{path.relative_to(package)}" for path in package.rglob("*.py")}
    metadata = {name for name in names if re.match(r"local_atlas-[\d.]+\.dist-info/", name)}
    assert names - metadata == modules | {"local_atlas/py.typed"}


def test_example_of_the_page_passes_where_no_app_can_be_imported(
    python: Path, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```python\n([^`]*def test_[^`]*)```", PAGE.read_text())
    (tmp_path / "test_example.py").write_text(example)
    (tmp_path / "test_alone.py").write_text(
        "import pytest\n\n"
        "@pytest.mark.parametrize('name', ['app', 'scripts', 'tests', 'torch', 'flask'])\n"
        "def test_there_is_no_other_package(name):\n"
        "    with pytest.raises(ModuleNotFoundError):\n"
        "        __import__(name)\n"
    )

    shown = run([python, "-m", "pytest", "-q", "-W", "error", tmp_path], tmp_path)

    assert "6 passed" in shown


def test_every_xdist_worker_has_a_server_of_its_own(python: Path, tmp_path: Path) -> None:
    (tmp_path / "test_workers.py").write_text(
        "import os, pathlib, pytest\n\n"
        "@pytest.mark.parametrize('number', range(6))\n"
        "def test_writes(number, local_atlas_uri, local_atlas_db):\n"
        "    local_atlas_db.things.insert_one({'_id': 1})\n"
        "    assert len(local_atlas_db.client.list_database_names()) == 1\n"
        "    name = f\"{os.environ['PYTEST_XDIST_WORKER']}.uri\"\n"
        f"    (pathlib.Path({str(tmp_path)!r}) / name).write_text(local_atlas_uri)\n"
    )

    shown = run([python, "-m", "pytest", "-q", "-n", "2", "--dist", "load", tmp_path], tmp_path)

    assert "6 passed" in shown
    uris = [path.read_text() for path in tmp_path.glob("*.uri")]
    assert len(uris) == len(set(uris)) == 2


def test_command_and_module_print_the_uri_that_python_joins(python: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = python.parent / "local-atlas"
    server = subprocess.Popen(
        [command, "--path", data, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
        env=outer_environment(os.environ),
    )
    assert server.stdout is not None
    with server, server.stdout:
        uri = server.stdout.readline().strip()
        code = "import local_atlas, pathlib; print(local_atlas.start_or_join(pathlib.Path('data')))"
        try:
            joined = run([python, "-c", code], tmp_path).strip()
        finally:
            kill(data)

    assert joined == uri
    assert uri.startswith("mongodb://127.0.0.1:")
    assert run([command, "--help"], tmp_path).startswith("usage: local-atlas ")
    module = run([python, "-m", "local_atlas", "--help"], tmp_path)
    assert module.startswith("usage: python -m local_atlas ")
