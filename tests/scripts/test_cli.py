import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import PROJECT_ROOT
from app.errors import BadRequest, ConfigError
from scripts._cli import run

SCRIPTS = sorted(
    path.stem for path in (PROJECT_ROOT / "scripts").glob("*.py") if not path.stem.startswith("_")
)


def raising(error):
    def main(argv):
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (BadRequest("limit (0) is wrong."), 1, "error: limit (0) is wrong.\n"),
        (ConfigError("PORT is wrong."), 2, "error: PORT is wrong.\n"),
        (KeyboardInterrupt(), 130, "error: Interrupted.\n"),
    ],
)
def test_errors_are_one_line_with_an_exit_code(error, code, line, capsys):
    assert run(raising(error)) == code

    assert capsys.readouterr().err == line


def test_interrupt_before_a_script_runs_is_one_line_too():
    result = subprocess.run(
        [sys.executable, "-c", "import scripts; raise KeyboardInterrupt"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
    )

    assert result.returncode != 0
    assert result.stderr == "error: Interrupted.\n"


@pytest.mark.parametrize(("level", "lines"), [("ERROR", 1), ("INFO", 3)])
def test_log_level_is_that_of_the_settings(level, lines):
    script = """
import logging
from scripts._cli import run

def main(argv):
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.log(level, "said")
    return 0

run(main)
"""
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT_ROOT,
        env={**os.environ, "LOG_LEVEL": level},
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stderr.count("said") == lines


def test_traceback_of_a_connection_that_the_driver_lost_is_left_out():
    script = (
        "import logging; from pymongo.errors import AutoReconnect; from scripts._cli import run; "
        "run(lambda _: 0); log = logging.getLogger('pymongo.client')\n"
        "for error in (AutoReconnect('gone'), ValueError('other')):\n"
        "    log.error('failed', exc_info=error)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )

    assert "gone" not in done.stderr
    assert "ValueError: other" in done.stderr


def test_debug_lines_are_those_of_this_project():
    script = """
import logging
from scripts._cli import run

def main(argv):
    logging.getLogger("app.ingest").debug("own")
    logging.getLogger("pymongo.command").debug("whole commands")
    logging.getLogger("pymongo.command").info("in short")
    return 0

run(main)
"""
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT_ROOT,
        env={**os.environ, "LOG_LEVEL": "DEBUG"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "own" in result.stderr
    assert "in short" in result.stderr
    assert "whole commands" not in result.stderr


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_has_help_with_an_example(name):
    result = subprocess.run(
        [sys.executable, "-m", f"scripts.{name}", "--help"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "example:" in result.stdout.lower()
    assert f"python -m scripts.{name}" in result.stdout


def test_bad_setting_ends_a_script_with_exit_code_2(tmp_path: Path):
    result = subprocess.run(
        [sys.executable, "-m", "scripts.create_indexes"],
        cwd=PROJECT_ROOT,
        env={"PORT": "x", "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
    )

    assert result.returncode == 2
    assert result.stderr == "error: PORT ('x') must be a whole number from 1 to 65535.\n"
