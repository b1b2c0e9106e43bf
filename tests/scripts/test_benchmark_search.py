import json
import os

import pytest

from scripts import benchmark_search
from scripts._cli import run
from scripts.benchmarking import systems

SHARES = {"filtered": ["0.5", "0.05", "0.005"], "filtered_clusters": ["0.9", "0.5", "0.05"]}
FIGURES = {"build_s", "p50_ms", "p95_ms", "recall_at_10", "qps_4_clients", "rss_mb", "disk_mb"}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Keep matrix products to one thread: on a busy machine more wait for each other."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")


def benchmark(*arguments: object) -> int:
    return run(benchmark_search.main, [str(one) for one in arguments])


def test_the_report_has_every_figure_of_every_system(capsys):
    code = benchmark(
        *("--vectors", 2000, "--queries", 20, "--systems", "local_atlas,numpy_exact", "--json")
    )

    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (report["vectors"], report["dimensions"]) == (2000, 512)
    assert list(report["systems"]) == ["local_atlas", "numpy_exact"]
    for figures in report["systems"].values():
        assert figures.keys() >= FIGURES
        assert all(figures[name] > 0 for name in FIGURES)
        for kind, shares in SHARES.items():
            assert list(figures[kind]) == shares
            for found in figures[kind].values():
                assert found["p50_ms"] > 0
                assert found["short_answers"] == 0
    exact = report["systems"]["numpy_exact"]
    assert exact["recall_at_10"] == 1
    assert {one["recall_at_10"] for kind in SHARES for one in exact[kind].values()} == {1}
    assert report["systems"]["local_atlas"]["recall_at_10"] >= 0.99
    assert "numCandidates" in report["systems"]["local_atlas"]["setting"]
    assert report["local_atlas_exact_p50_ms"] > 0
    assert report["upserts_per_s"].keys() == {"bindata", "array"}
    assert min(report["upserts_per_s"].values()) > 0
    assert report["restart_s"] > 0
    assert 0 < report["hnsw_m16_ef64_recall"] <= 1


@pytest.mark.slow
@pytest.mark.skipif(
    os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") < 8 * 2**30,
    reason="8 GiB of free memory are needed for a million vectors and their ground truth",
)
def test_a_million_vectors_fit_in_three_and_a_half_gigabytes(capsys):
    benchmark("--vectors", 1_000_000, "--queries", 200, "--systems", "local_atlas", "--json")

    figures = json.loads(capsys.readouterr().out)["systems"]["local_atlas"]
    found = [one for kind in SHARES for one in figures[kind].values()]
    assert figures["rss_mb"] <= 3500
    assert figures["recall_at_10"] >= 0.99
    assert min(one["recall_at_10"] for one in found) >= 0.98  # of 80 queries each
    assert sum(one["short_answers"] for one in found) == 0


@pytest.fixture
def without_chroma(tmp_path, monkeypatch):
    """Make `import chromadb` fail, in the worker too."""
    (tmp_path / "chromadb.py").write_text("raise ImportError('there is no chromadb here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_system_that_cannot_be_imported_is_reported_and_harms_no_other(without_chroma, capsys):
    code = benchmark(
        *("--vectors", 500, "--queries", 5, "--systems", "chroma,numpy_exact", "--json")
    )

    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert report["systems"]["chroma"] == {"unavailable": "ImportError: there is no chromadb here"}
    assert report["systems"]["numpy_exact"]["recall_at_10"] == 1
    assert report["restart_s"] is None


def test_without_json_the_report_is_a_table_that_names_the_machine(without_chroma, capsys):
    code = benchmark("--vectors", 500, "--queries", 5, "--systems", "chroma,numpy_exact")

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[0].startswith("500 vectors of 512 dimensions, ")
    assert "|  | numpy_exact |" in lines
    assert "chroma is not measured: ImportError: there is no chromadb here" in lines


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--vectors", "0"], "'0' must be a whole number from 1"),
        (["--systems", "faiss"], "'faiss' is none of local_atlas, chroma"),
    ],
    ids=["no-vectors", "unknown-system"],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as exit_:
        benchmark(*arguments)

    assert exit_.value.code == 2
    assert complaint in capsys.readouterr().err.splitlines()[-1]


def test_every_system_names_its_packages():
    assert systems.PACKAGES.keys() == set(systems.NAMES)
