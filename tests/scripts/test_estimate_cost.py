import json
import re

import pytest

from app.config import PROJECT_ROOT
from scripts import estimate_cost
from scripts._cli import run
from tests.ingest.pictures import save_picture


@pytest.fixture
def estimate(capsys):
    def ask(*arguments: object) -> dict:
        code = run(estimate_cost.main, [*map(str, arguments), "--json"])
        assert code == 0
        return json.loads(capsys.readouterr().out)

    return ask


def by_index(report: dict) -> dict[str, dict]:
    return {one["index"]: one for one in report["indexes"]}


def test_each_way_to_store_an_embedding_is_compared(estimate):
    indexes = by_index(estimate("--pictures", 1000))

    sizes = [one["document_bytes"] for one in indexes.values()]
    assert list(indexes) == ["gallery_knn", "gallery_vector", "gallery_vector_int8"]
    assert sizes == sorted(sizes, reverse=True)
    assert indexes["gallery_vector"]["index_memory_bytes"].keys() == {"none", "scalar", "binary"}


def test_everything_grows_with_the_pictures(estimate):
    few = by_index(estimate("--pictures", 1000))["gallery_vector"]
    many = by_index(estimate("--pictures", 1_000_000))["gallery_vector"]

    assert many["document_bytes"] == few["document_bytes"]
    assert many["storage_bytes"] == 1000 * few["storage_bytes"]
    assert many["index_memory_bytes"]["none"] == 1000 * few["index_memory_bytes"]["none"]


def test_the_dimensions_may_be_others(estimate):
    half = by_index(estimate("--pictures", 1, "--dimensions", 256))["gallery_vector"]
    full = by_index(estimate("--pictures", 1))["gallery_vector"]

    assert full["document_bytes"] - half["document_bytes"] == 256 * 4


def test_the_fields_are_those_of_the_gallery_that_is_given(estimate, tmp_path):
    save_picture(tmp_path / "a.png")
    manifest = tmp_path / "feed.jsonl"
    manifest.write_text(json.dumps({"image": "a.png", "title": "x" * 5000}))

    mine = by_index(estimate("--pictures", 1, "--gallery", manifest))["gallery_vector"]

    assert mine["document_bytes"] > 5000 + 2048


def test_time_and_price_follow_from_the_rate(estimate):
    flags = ("--images-per-s", 100, "--machines", 4, "--price-per-machine-hour", 2)

    embedding = estimate("--pictures", 36_000_000, *flags)["embedding"]

    assert embedding["hours"] == 25
    assert embedding["machine_hours"] == 100
    assert embedding["price"] == 200


def test_search_nodes_hold_the_index_in_memory(estimate):
    flags = ("--node-memory-gb", 1, "--price-per-node-hour", 0.5)

    nodes = by_index(estimate("--pictures", 1_000_000, *flags))["gallery_vector"]["search_nodes"]

    assert nodes["shards"] == {"none": 3, "scalar": 1, "binary": 1}
    assert nodes["nodes"] == {"none": 6, "scalar": 2, "binary": 2}
    assert nodes["price_per_month"]["none"] == 6 * 0.5 * 730


def test_what_was_not_given_is_not_made_up(estimate, capsys):
    report = estimate("--pictures", 1)
    run(estimate_cost.main, ["--pictures", "1"])

    assert report["embedding"] is None
    assert all(one["search_nodes"] is None for one in report["indexes"])
    assert "unknown without --images-per-s" in capsys.readouterr().out


@pytest.mark.parametrize(
    "flags",
    [("--pictures", "0"), ("--pictures", "1", "--images-per-s", "nan"), ()],
    ids=["no-picture", "no-rate", "nothing"],
)
def test_misuse_is_told(flags, capsys):
    with pytest.raises(SystemExit) as exit_:
        estimate_cost.main(flags)

    assert exit_.value.code == 2


def test_the_documentation_quotes_what_is_printed(capsys):
    page = (PROJECT_ROOT / "docs" / "scaling.md").read_text()
    blocks = re.findall(
        r"```sh\npython -m scripts\.estimate_cost (.*)\n```\n\n((?:.+\n|\n(?=[|s]))+)", page
    )

    assert len(blocks) == 2
    for flags, quoted in blocks:
        estimate_cost.main(flags.split())
        assert quoted == capsys.readouterr().out
