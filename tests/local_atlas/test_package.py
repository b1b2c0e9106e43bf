"""What LocalAtlas shows and needs as a package of its own."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import app.local_atlas as package
from app.config import PROJECT_ROOT
from app.local_atlas import launcher

FOLDER = Path(package.__file__).parent
# Which distribution an import comes from.
DISTRIBUTIONS = {"bson": "pymongo", "faiss": "faiss-cpu"}


def imported(path: Path) -> set[str]:
    """The top-level names that a module imports from outside of the package."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module).partition(".")[0])
    return names - sys.stdlib_module_names


def test_dependencies_are_exactly_what_is_imported() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split("[<>=]", each)[0] for each in project["dependencies"]}

    used = {name for path in FOLDER.rglob("*.py") for name in imported(path)}

    assert {DISTRIBUTIONS.get(name, name) for name in used - {"pytest"}} == declared


def test_only_the_plugin_needs_pytest() -> None:
    users = [path.name for path in FOLDER.rglob("*.py") if "pytest" in imported(path)]

    assert users == ["pytest_plugin.py"]


def test_public_names_are_the_launcher_s_and_the_version() -> None:
    assert package.__all__ == ["LauncherError", "__version__", "start_or_join"]
    assert package.start_or_join is launcher.start_or_join
    assert package.LauncherError is launcher.LauncherError
    with pytest.raises(AttributeError, match="has no attribute 'Store'"):
        package.Store  # noqa: B018 - the access is what is tested


def test_importing_the_package_or_its_plugin_imports_no_driver_and_no_numpy() -> None:
    code = (
        "import sys, app.local_atlas, app.local_atlas.pytest_plugin;"
        "print([name for name in ('pymongo', 'bson', 'numpy') if name in sys.modules])"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT
    )

    assert shown.stdout == "[]\n"
