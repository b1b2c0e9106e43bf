import json

import pytest

from scripts import benchmark_batching
from scripts._cli import run
from tests.fakes import FakeEmbedder


@pytest.fixture
def embedder(monkeypatch) -> FakeEmbedder:
    embedder = FakeEmbedder(dimensions=3)
    monkeypatch.setattr(benchmark_batching, "load_embedder", lambda model: embedder)
    return embedder


def benchmark(*arguments: str) -> int:
    return run(benchmark_batching.main, [*arguments, "--seconds", "0.05", "--repeats", "1"])


def test_every_figure_is_measured_on_the_model_that_is_named(embedder, capsys):
    code = benchmark("--clients", "3", "--batch-size", "8", "--json")

    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (report["model"], report["clients"], report["batch_size"]) == ("fake", 3, 8)
    assert min(value for value in report.values() if not isinstance(value, str)) > 0
    assert {1, 8} <= set(embedder.batches)
    assert embedder.batches[-1] <= 3


def test_the_ratio_is_that_of_the_two_rates(embedder, capsys):
    benchmark("--json")

    report = json.loads(capsys.readouterr().out)
    rates = report["clients_images_per_s"] / report["batched_images_per_s"]
    assert report["ratio"] == pytest.approx(rates, rel=0.02)


def test_without_json_the_report_is_two_sentences(embedder, capsys):
    benchmark()

    assert "from 16 clients" in capsys.readouterr().out
