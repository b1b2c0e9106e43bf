import json

import pytest

from scripts import benchmark_growth
from scripts._cli import run


def report_of(capsys, *arguments: str) -> dict:
    assert run(benchmark_growth.main, [*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("ids", ["ascending", "drawn"])
def test_every_part_is_measured_when_its_documents_are_in(capsys, ids):
    report = report_of(
        capsys, "--documents", "3100", "--steps", "2", "--dimensions", "8", "--ids", ids
    )

    steps = report["steps"]
    assert [step["documents"] for step in steps] == [2000 + 1550, 2000 + 3100]
    assert min(min(step.values()) for step in steps) > 0
    assert report["last_to_first_inserts"] == pytest.approx(
        steps[1]["inserts_per_s"] / steps[0]["inserts_per_s"], rel=0.01
    )


def test_without_json_the_report_is_a_table(capsys):
    code = run(benchmark_growth.main, ["--documents", "2100", "--steps", "1", "--dimensions", "8"])

    told = capsys.readouterr().out
    assert code == 0
    assert "| documents | inserts_per_s | written_to_bson | id_ms | field_ms |" in told


@pytest.mark.slow
def test_memory_and_file_stay_within_bounds_while_documents_come_in(capsys):
    report = report_of(capsys, "--documents", "120000", "--steps", "4", "--ids", "drawn")

    steps = report["steps"]
    assert max(step["file_to_bson"] for step in steps) <= 1.3
    assert steps[-1]["peak_memory_mb"] <= 1.15 * steps[0]["peak_memory_mb"]
