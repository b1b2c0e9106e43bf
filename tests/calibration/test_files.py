import json
from dataclasses import asdict

import pytest

from app.calibration.files import CALIBRATION_NAME, read_calibration, write_calibration
from app.errors import ConfigError
from tests.calibrations import HELD_OUT, calibration

CONTENT = {"format_version": 1, **asdict(calibration("f" * 64))}


def test_calibration_comes_back_as_it_was_stored(tmp_path):
    write_calibration(tmp_path, calibration("old"))

    path = write_calibration(tmp_path, calibration("a", "b", slope=2.5))

    assert read_calibration(tmp_path) == calibration("a", "b", slope=2.5)
    assert [one.name for one in tmp_path.iterdir()] == [path.name] == [CALIBRATION_NAME]


def test_folder_without_a_calibration_has_none(tmp_path):
    assert read_calibration(tmp_path) is None


def test_folder_that_cannot_be_written_to_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere.calibration.json cannot be written"):
        write_calibration(tmp_path / "nowhere", calibration())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot be read as a calibration"),
        ([], "it must be an object with exactly"),
        ({**CONTENT, "more": 1}, "it must be an object with exactly"),
        ({**CONTENT, "format_version": 2}, "format_version is 2, expected 1"),
        ({**CONTENT, "slope": -1}, "slope is -1, expected a number above 0"),
        ({**CONTENT, "slope": "1"}, "slope is '1', expected a finite number"),
        ({**CONTENT, "intercept": float("nan")}, "intercept is nan, expected a finite number"),
        ({**CONTENT, "pictures": True}, "pictures is True, expected a finite number"),
        ({**CONTENT, "match": 3}, "match is 3, expected a string"),
        ({**CONTENT, "fingerprints": "f"}, "fingerprints is 'f', expected an array of strings"),
        ({**CONTENT, "held_out": {}}, "held_out must be an object with exactly"),
        ({**CONTENT, "held_out": {**asdict(HELD_OUT), "log_loss": None}}, "log_loss is None"),
    ],
)
def test_file_that_is_no_calibration_is_refused_by_its_name(tmp_path, content, reason):
    written = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / CALIBRATION_NAME).write_text(written)

    with pytest.raises(ConfigError, match=reason) as caught:
        read_calibration(tmp_path)
    assert CALIBRATION_NAME in caught.value.message
