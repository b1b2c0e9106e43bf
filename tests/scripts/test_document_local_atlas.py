"""The page on what LocalAtlas emulates, against LocalAtlas."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo.errors import OperationFailure

from app.config import PROJECT_ROOT
from app.local_atlas.mql.conditions import SIMPLE_OPERATORS
from app.local_atlas.mql.pipelines import STAGES
from app.local_atlas.search.operator_filter import OPERATORS
from scripts import document_local_atlas
from scripts.document_local_atlas import PAGE, main
from scripts.emulation import examples
from scripts.emulation.page import render_page
from scripts.emulation.probe import Probe, open_probe
from scripts.emulation.survey import Topic, survey

# Internal to the engine, or older names of other operators: no manual tells of them.
UNDOCUMENTED = {"hasAncestor", "hasRoot", "search", "term"}


@pytest.fixture(scope="module")
def probe() -> Iterator[Probe]:
    """A probe of a LocalAtlas."""
    with open_probe() as probe:
        yield probe


@pytest.fixture(scope="module")
def topics(probe: Probe) -> dict[str, Topic]:
    """What the survey finds, by key."""
    return {topic.key: topic for topic in survey(probe)}


def test_page_is_what_localatlas_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, "run python -m scripts.document_local_atlas"

    assert capsys.readouterr().out == "docs/local_atlas.md is up to date.\n"


def test_stale_page_is_told_and_left_alone_with_check_and_written_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "local_atlas.md"
    page.write_text(PAGE.read_text().replace("`$lookup`", "`$fill`"))
    stale = page.read_text()
    monkeypatch.setattr(document_local_atlas, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(document_local_atlas, "PAGE", page)

    assert main(["--check"]) == 1
    assert page.read_text() == stale
    assert main([]) == 0
    assert page.read_text() == (PROJECT_ROOT / "docs" / "local_atlas.md").read_text()


def test_page_follows_the_table(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES, "$fill", STAGES["$match"])
    monkeypatch.delitem(STAGES, "$lookup")

    (stages,) = (topic for topic in survey(probe) if topic.key == "stages")

    assert "$fill" in stages.emulated
    assert "$fill" not in stages.missing
    assert "$lookup" not in stages.emulated


def test_no_name_is_told_twice(topics: dict[str, Topic]) -> None:
    for topic in topics.values():
        names = [*topic.emulated, *topic.missing]
        assert len(names) == len(set(names))


def test_every_operator_of_the_tables_is_told(topics: dict[str, Topic]) -> None:
    assert set(SIMPLE_OPERATORS) <= set(topics["queries"].emulated)
    assert set(OPERATORS) - UNDOCUMENTED <= examples.SEARCH_OPERATORS.keys()


def test_every_name_that_no_table_has_is_refused_by_the_stage_or_expression(
    probe: Probe, topics: dict[str, Topic]
) -> None:
    assert not any(probe.aggregates({name: {}}) for name in topics["stages"].missing)
    for name in topics["expressions"].missing:
        assert not probe.aggregates({"$project": {"x": {name: {}}}}), name
    for name in topics["accumulators"].missing:
        assert not probe.aggregates({"$group": {"_id": None, "x": {name: {}}}}), name


def test_example_that_is_itself_wrong_proves_nothing_and_raises(probe: Probe) -> None:
    with pytest.raises(OperationFailure, match="needs an array"):
        probe.finds({"number": {"$in": 1}})


def test_topic_without_a_place_in_the_prose_is_an_error(topics: dict[str, Topic]) -> None:
    with pytest.raises(ValueError, match="no place for odd"):
        render_page([*topics.values(), Topic("odd", (), ())])
