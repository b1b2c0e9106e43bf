"""The service examines as many candidates as were measured to be enough."""

import dataclasses

import pytest

from app import create_app, hits
from app.composed import candidates
from app.errors import ConfigError
from app.index_care.target import live_index
from app.index_care.tune import Goal, tune_index
from app.index_care.tuning import write_tuning


@pytest.fixture
def tuned(gallery, collection, tmp_path):
    """Settings with a tuning file, in which the number of candidates is unmistakable."""
    index = live_index(collection, gallery.index_file.stem)
    tuning = tune_index(collection, index, Goal(limit=2, queries=4)).tuning
    settings = [
        dataclasses.replace(one, num_candidates=74, is_exact_better=False)
        for one in tuning.settings
    ]
    write_tuning(tmp_path / "tuning.json", dataclasses.replace(tuning, settings=settings))
    return dataclasses.replace(gallery, tuning_file=tmp_path / "tuning.json")


@pytest.fixture
def pipelines(monkeypatch):
    """The pipelines that are built."""
    built = []
    build = hits.search_pipeline

    def build_and_keep(*arguments, **options):
        built.append(build(*arguments, **options))
        return built[-1]

    monkeypatch.setattr(hits, "search_pipeline", build_and_keep)
    return built


def examined(stages):
    stage = next(iter(stages[0].values()))
    return stage.get("numCandidates", stage.get("knnBeta", {}).get("k"))


def test_measured_number_of_candidates_is_examined(tuned, serve, embedder, pipelines):
    client = serve(tuned, embedder)

    response = client.get("/items/navy/similar?limit=3&category=dress")

    assert response.status_code == 200
    assert [examined(stages) for stages in pipelines] == [148]  # for 4: the item itself is one


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"limit": 3}, 148), ({"limit": 3, "num_candidates": 60}, 60), ({"exact": True}, None)],
    ids=["measured", "asked for", "exact"],
)
def test_composed_search_examines_them_too_unless_it_says_how_many(
    tuned, serve, embedder, monkeypatch, options, expected
):
    built = []
    build = candidates.engine_stages

    def build_and_keep(*arguments, **given):
        built.append(given["num_candidates"])
        return build(*arguments, **given)

    monkeypatch.setattr(candidates, "engine_stages", build_and_keep)
    client = serve(tuned, embedder)

    response = client.post("/search", json={"positive": [{"item_id": "navy"}], **options})

    assert response.status_code == 200, response.text
    assert built == [expected]


def test_every_item_is_compared_where_that_was_measured_to_be_better(
    tuned, serve, embedder, pipelines
):
    text = tuned.tuning_file.read_text()
    better = text.replace('"is_exact_better": false', '"is_exact_better": true')
    tuned.tuning_file.write_text(better)

    response = serve(tuned, embedder).get("/items/navy/similar?limit=3")

    assert len(response.json()["hits"]) == 3
    assert pipelines[0][0]["$vectorSearch"]["exact"] is True


def test_file_of_another_index_ends_the_process_at_start(tuned):
    text = tuned.tuning_file.read_text().replace('"index": "gallery_', '"index": "other_')
    tuned.tuning_file.write_text(text)

    with pytest.raises(ConfigError, match="was measured on search index other_"):
        create_app(tuned)
