"""Runs of `scripts.embed_gallery` inside the test's own process."""

import json
from typing import Any

import pytest

from scripts import embed_gallery
from scripts._cli import run


def embed(*arguments: object) -> int:
    """Run the script; return its exit code."""
    return run(embed_gallery.main, [str(one) for one in arguments])


def report_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what `--json` has printed since the last time."""
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report
