"""The command line of LocalAtlas."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.local_atlas.__main__ import local_atlas_command, main


def test_other_interface_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--path", str(tmp_path), "--host", "0.0.0.0", "--port", "27017"])

    printed = capsys.readouterr()
    assert code == 1
    assert printed.out == ""
    assert printed.err.startswith("--host 0.0.0.0 must be one of 127.0.0.1")


def test_other_interface_is_refused_even_where_a_socket_would_be_used(tmp_path: Path) -> None:
    assert main(["--path", str(tmp_path), "--host", "0.0.0.0"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--path", "x", "--port", "1", "--socket", "x.sock"],
        ["--path", "x", "--port", "http"],
        ["--path", "x", "--index-lag-ms", "-5"],
        ["--path", "x", "--index-lag-ms", "0.5"],
        ["--path", "x", "--change-log-mib", "0"],
        ["--path", "x", "--change-log-hours", "nan"],
    ],
    ids=[
        "no path",
        "port and socket",
        "port is no number",
        "negative lag",
        "half a millisecond",
        "no room for changes",
        "no length of time",
    ],
)
def test_misuse_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(arguments)

    assert exited.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_help_has_an_example() -> None:
    command = [sys.executable, "-m", "app.local_atlas", "--help"]

    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "Example: python -m app.local_atlas --path" in shown


def test_installed_command_is_called_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/local-atlas", "--help"])

    with pytest.raises(SystemExit) as exited:
        local_atlas_command()

    assert exited.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: local-atlas [-h] --path PATH")
    assert "Example: local-atlas --path" in shown
