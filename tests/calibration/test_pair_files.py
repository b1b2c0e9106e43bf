import pytest

from app.calibration.pair_files import JudgedPair, read_pairs
from app.errors import ConfigError

EXPECTED = [JudgedPair("a/1.jpg", "b é", True), JudgedPair("7", "a/1.jpg", False)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pairs.csv", "a,b,match\na/1.jpg,b é,1\n7,a/1.jpg,false\n"),
        ("pairs.CSV", "\ufeffmatch,a,b\r\nTRUE,a/1.jpg,b é\r\n0,7,a/1.jpg\r\n"),
        (
            "pairs.jsonl",
            '{"a": "a/1.jpg", "b": "b é", "match": true}\n\n{"a": 7, "b": "a/1.jpg", "match": 0}\n',
        ),
    ],
)
def test_pairs_are_read_from_csv_and_json_lines(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    assert read_pairs(path) == EXPECTED


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("pairs.txt", "", "another kind of file; expected .csv or .jsonl"),
        ("pairs.csv", "a,b\n1,2\n", "pair 1 is .*; expected exactly a, b and match"),
        ("pairs.csv", "a,b,match\n1,2,1\n1,2\n", "pair 2: match is 'None'"),
        ("pairs.csv", "a,b,match\n1,2,1,x\n", "pair 1 is .*; expected exactly"),
        ("pairs.csv", "a,b,match\n1,2,maybe\n", "match is 'maybe'; expected true, false, 1 or 0"),
        ("pairs.csv", "a,b,match\n1,1,1\n", "of '1' with itself"),
        ("pairs.jsonl", "{", "cannot be read"),
        ("pairs.jsonl", "[1]", "pair 1 is .*; expected exactly"),
    ],
)
def test_file_that_holds_no_pairs_is_refused_by_the_pair(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_text(content)

    with pytest.raises(ConfigError, match=reason):
        read_pairs(path)


def test_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.csv cannot be read"):
        read_pairs(tmp_path / "none.csv")
