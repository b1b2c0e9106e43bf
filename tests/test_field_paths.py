import pytest

from app.field_paths import is_inside, projection, value_at


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        ({"a": 1}, "a", 1),
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a": {"0": 1}}, "a.0", 1),
        ({"a": [1, 2]}, "a", [1, 2]),
        ({"a": [1, 2]}, "a.1", 2),
        ({"a": [1, 2]}, "a.2", None),
        ({"a": [{"b": 1}, {"c": 2}, {"b": 3}]}, "a.b", [1, 3]),
        ({"a": [{"b": 1}, {"b": 3}]}, "a.1.b", 3),
        ({"a": [{"c": 1}]}, "a.b", None),
        ({"a": 1}, "a.b", None),
        ({}, "a.b", None),
    ],
)
def test_a_path_goes_through_documents_and_arrays(document, path, expected):
    assert value_at(document, path) == expected


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        ([], ["_id"]),
        (["b", "a.c"], ["_id", "a.c", "b"]),
        (["a.b", "a"], ["_id", "a"]),
        (["photos.0.url", "photos.1"], ["_id", "photos"]),
        (["ab", "a"], ["_id", "a", "ab"]),
        (["_id", "_id.x"], ["_id"]),
    ],
)
def test_a_projection_names_no_path_inside_another(paths, names):
    assert list(projection(paths)) == names


@pytest.mark.parametrize(
    ("path", "is_in"), [("visual", True), ("visual.price", True), ("visuals", False), ("v", False)]
)
def test_a_path_inside_another_goes_on_after_a_dot(path, is_in):
    assert is_inside(path, "visual") is is_in
