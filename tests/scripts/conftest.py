"""The world that `scripts.embed_gallery` runs in, in tests."""

import io
import sys
from pathlib import Path

import pytest

from app.config import Settings
from scripts import embed_gallery
from tests.fakes import FakeEmbedder


@pytest.fixture
def ingestion(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> pytest.MonkeyPatch:
    """Settings of the test's own database, a model without weights, an empty folder, no terminal.

    The model is whatever MODEL names, so that two names are two models.
    """
    monkeypatch.setenv("LOCAL_ATLAS_PATH", str(settings.local_atlas_path))
    monkeypatch.setenv("DATABASE", settings.database)
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.setattr(embed_gallery, "load_embedder", lambda model, **_: FakeEmbedder(name=model))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return monkeypatch
