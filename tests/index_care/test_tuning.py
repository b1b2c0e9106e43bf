import json

import pytest

from app.errors import ConfigError
from app.filters import Comparison
from app.index_care.shares import FieldShares
from app.index_care.tuning import TunedSetting, Tuning, read_tuning, write_tuning
from tests.index_care.definitions import vector_definition


def setting(share, num_candidates, *, is_exact_better=False):
    return TunedSetting(
        share=share,
        filter=None if share == 1 else {"kind": {"$eq": "dress"}},
        num_candidates=num_candidates,
        recall=0.97,
        reaches_target=True,
        p95_ms=1.0,
        usual_recall=0.99,
        usual_p95_ms=2.0,
        usual_is="slower",
        exact_p95_ms=3.0,
        exact_is="slower",
        is_exact_better=is_exact_better,
    )


def tuning(*settings, **changed):
    values = {"a": 0.5, "b": 0.1, "c": 0.05, "d": 0.001}
    given = {
        "index": "v",
        "path": "v",
        "dimensions": 2,
        "documents": 1000,
        "limit": 10,
        "target_recall": 0.95,
        "settings": list(settings) or [setting(1.0, 50), setting(0.1, 300), setting(0.01, 120)],
        "shares": {"kind": FieldShares(values, [], 0.0001, 1.0)},
    }
    return Tuning(**{**given, **changed})


def of_kind(value):
    return Comparison("kind", "$eq", value)


@pytest.mark.parametrize(
    ("limit", "condition", "expected"),
    [
        pytest.param(10, None, 50, id="without a filter"),
        pytest.param(20, None, 100, id="more hits, more candidates"),
        pytest.param(1, None, 5, id="fewer hits, fewer candidates"),
        pytest.param(10, of_kind("b"), 300, id="a share that was measured"),
        pytest.param(10, of_kind("a"), 300, id="between two, the larger number"),
        pytest.param(10, of_kind("c"), 300, id="between the other two"),
        pytest.param(10, of_kind("d"), 120, id="below all"),
        pytest.param(10, Comparison("price", "$eq", 1), 300, id="unknown, the largest of all"),
        pytest.param(5000, None, 10_000, id="never above what a server takes"),
    ],
)
def test_number_of_candidates_follows_hits_and_filter(limit, condition, expected):
    assert tuning().num_candidates(limit, condition) == expected


def test_never_fewer_candidates_than_hits():
    assert tuning(setting(1.0, 5)).num_candidates(30, None) == 30


def test_every_item_is_compared_where_that_is_better():
    exact_below = tuning(setting(1.0, 50), setting(0.1, 50, is_exact_better=True))

    assert exact_below.num_candidates(10, of_kind("d")) is None
    assert exact_below.num_candidates(10, of_kind("a")) == 50
    assert exact_below.num_candidates(10, None) == 50


def test_file_is_read_as_it_was_written(tmp_path, make_index):
    write_tuning(tmp_path / "t.json", tuning())

    assert read_tuning(tmp_path / "t.json", make_index(vector_definition())) == tuning()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not what scripts.atlas tune writes"),
        ("[]", "is not what scripts.atlas tune writes"),
        ('{"settings": []}', "is not what scripts.atlas tune writes"),
    ],
    ids=["missing", "no JSON", "no object", "no field"],
)
def test_file_that_cannot_be_used_is_told(tmp_path, make_index, text, part):
    file = tmp_path / "t.json"
    if text is not None:
        file.write_text(text)

    with pytest.raises(ConfigError, match=part):
        read_tuning(file, make_index(vector_definition()))


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("limit", 0, "limit is 0, not an integer from 1 to 10,000"),
        ("num_candidates", "many", "num_candidates is 'many', not an integer"),
        ("num_candidates", 10_001, "num_candidates is 10001, not an integer"),
        ("share", None, "share is None, not a number from 0 to 1"),
    ],
)
def test_number_that_no_search_could_use_is_told_at_start(tmp_path, make_index, key, value, part):
    file = tmp_path / "t.json"
    write_tuning(file, tuning())
    content = json.loads(file.read_text())
    (content if key == "limit" else content["settings"][0])[key] = value
    file.write_text(json.dumps(content))

    with pytest.raises(ConfigError, match=part):
        read_tuning(file, make_index(vector_definition()))


def test_file_of_another_index_is_refused_naming_both(tmp_path, make_index):
    write_tuning(tmp_path / "t.json", tuning(dimensions=3))

    with pytest.raises(ConfigError, match=r"index v \(v, 3 dimensions\); expected v \(v, 2 "):
        read_tuning(tmp_path / "t.json", make_index(vector_definition()))


def test_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        write_tuning(tmp_path, tuning())


def test_file_is_json_that_people_can_read(tmp_path):
    write_tuning(tmp_path / "t.json", tuning())

    assert json.loads((tmp_path / "t.json").read_text())["settings"][1]["share"] == 0.1
