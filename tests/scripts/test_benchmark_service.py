import json
import random

import pytest

from scripts import benchmark_service
from scripts._cli import run
from scripts.benchmarking.service_requests import KINDS


@pytest.mark.slow
def test_report_has_every_figure_of_every_kind(capsys, tmp_path):
    arguments = ["--items", "1500", "--seconds", "1", "--repeats", "1", "--data", str(tmp_path)]

    code = run(benchmark_service.main, [*arguments, "--rate", "similar=20", "--json"])

    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert set(report) == {*KINDS, "model_forward_ms"}
    assert report["model_forward_ms"] > 0
    for kind in KINDS:
        assert set(report[kind]) == {"p50_ms", "p99_ms", "rate_per_s", "saturation_per_s"}
        assert 0 < report[kind]["p50_ms"] <= report[kind]["p99_ms"]
        assert report[kind]["saturation_per_s"] > 0
    assert report["similar"]["rate_per_s"] == 20


@pytest.mark.parametrize("rate", ["other=1", "similar", "similar=0", "similar=nan"])
def test_bad_rate_is_refused(rate, capsys):
    with pytest.raises(SystemExit):
        benchmark_service.main(["--rate", rate])

    assert "--rate" in capsys.readouterr().err


@pytest.mark.parametrize("kind", list(KINDS))
def test_same_seed_draws_the_same_requests(kind):
    first, second = (KINDS[kind].requests(random.Random(3), 100) for _ in range(2))

    assert [next(first) for _ in range(5)] == [next(second) for _ in range(5)]
