import sys

import pytest

from app import ingest
from scripts import embed_gallery
from scripts._cli import EXIT_MISUSE, run
from tests.ingest.pictures import save_gallery


@pytest.fixture
def embed(ingestion, tmp_path, capsys):
    """Run the script on a small gallery; return its exit code and what it said."""
    save_gallery(tmp_path / "gallery", 2)

    def ask(*flags: str) -> tuple[int, str]:
        code = run(embed_gallery.main, ["--gallery", str(tmp_path / "gallery"), *flags])
        return code, capsys.readouterr().err

    return ask


def test_a_cluster_of_machines_needs_a_database_that_all_reach(embed):
    code, said = embed("--cluster", "ray://head.example:10001")

    assert code == EXIT_MISUSE
    assert "--cluster ray://head.example:10001 needs MONGODB_URI" in said


def test_without_ray_the_file_that_brings_it_is_named(embed, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "app.ingest.cluster", raising=False)
    monkeypatch.delattr(ingest, "cluster", raising=False)

    code, said = embed("--cluster", "local")

    assert code == EXIT_MISUSE
    assert "pip install -r requirements-cluster.txt" in said


@pytest.mark.parametrize("address", ["ray://", "head.example:10001", "LOCAL", ""])
def test_an_address_of_another_kind_is_refused(embed, address, capsys):
    with pytest.raises(SystemExit) as exit_:
        embed("--cluster", address)

    assert exit_.value.code == EXIT_MISUSE
    assert "must be ray://HOST:PORT or local" in capsys.readouterr().err
