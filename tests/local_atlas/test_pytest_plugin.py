"""The fixtures for other teams, used by a pytest of its own where `app` cannot be imported."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import app.local_atlas as package
from app.local_atlas.directory_lock import is_served
from tests.local_atlas.processes import wait_until


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the package under its own name."""
    path = tmp_path / "site"
    shutil.copytree(Path(package.__file__).parent, path / "local_atlas")
    return path


def run_pytest(site: Path, source: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    folder = site.parent / "project"
    folder.mkdir()
    (folder / "test_it.py").write_text(source)
    command = [sys.executable, "-P", "-m", "pytest", "-p", "local_atlas.pytest_plugin"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", f"--basetemp={site.parent / 'base'}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site)},
    )


def test_each_test_gets_an_empty_database_of_one_server(site: Path) -> None:
    source = """
import pytest
from pymongo import MongoClient

seen = []

def test_app_is_not_there():
    with pytest.raises(ModuleNotFoundError):
        import app

@pytest.mark.parametrize("number", [1, 2])
def test_writes(number, local_atlas_db):
    assert local_atlas_db.things.count_documents({}) == 0
    local_atlas_db.things.insert_one({"_id": 1})
    seen.append(local_atlas_db.name)

def test_databases_differ_and_are_dropped(local_atlas_uri, local_atlas_client):
    assert len(set(seen)) == 2
    assert not set(seen) & set(local_atlas_client.list_database_names())
    with MongoClient(local_atlas_uri) as other:
        assert other.address == local_atlas_client.address
"""

    result = run_pytest(site, source, "-W", "error")

    assert "4 passed" in result.stdout, result.stdout


def test_server_waits_for_a_test_that_connects_late_and_ends_with_the_session(site: Path) -> None:
    source = """
import time
from pymongo import MongoClient
from local_atlas import pytest_plugin

pytest_plugin._LINGER_S = 0.1

def test_late(local_atlas_uri):
    time.sleep(1.0)  # more than it lingers, and than a starter has to connect
    with MongoClient(local_atlas_uri, serverSelectionTimeoutMS=2000) as client:
        assert client.admin.command("ping")["ok"] == 1
"""

    result = run_pytest(site, source)

    assert "1 passed" in result.stdout, result.stdout
    (directory,) = (site.parent / "base").glob("local_atlas0")
    wait_until(lambda: not is_served(directory))


def test_configuration_makes_the_server_strict_and_lag(site: Path) -> None:
    source = """
def test_options(local_atlas_client):
    argv = local_atlas_client.admin.command("getCmdLineOpts")["argv"]
    assert argv[-3:] == ["--index-lag-ms", "40", "--strict"]
"""
    options = ("-o", "local_atlas_strict=true", "-o", "local_atlas_index_lag_ms=40")

    result = run_pytest(site, source, *options)

    assert "1 passed" in result.stdout, result.stdout


def test_lag_that_is_no_number_is_refused_by_name(site: Path) -> None:
    source = "def test_it(local_atlas_uri): pass"

    result = run_pytest(site, source, "-o", "local_atlas_index_lag_ms=soon")

    assert "local_atlas_index_lag_ms ('soon') must be a whole number" in result.stdout


def test_fixtures_are_listed_with_their_documentation(site: Path) -> None:
    result = run_pytest(site, "", "--fixtures", "-q")

    for line in (
        "local_atlas_uri [session scope]",
        "local_atlas_client [session scope]",
        "local_atlas_db --",
        "An empty database that no other test uses, dropped after the test.",
    ):
        assert line in result.stdout
