import pytest

from app.index_care.builds import find_entry, read_build


def entry(*versions, status="READY", queryable=True, latest=2, **host):
    mains = [{"mainIndex": {"definitionVersion": {"version": one}}, **host} for one in versions]
    return {
        "name": "v",
        "status": status,
        "queryable": queryable,
        "latestDefinitionVersion": {"version": latest},
        "latestDefinition": {"fields": []},
        "statusDetail": mains,
    }


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param(entry(2, 2), True, id="every host"),
        pytest.param(entry(2.0), True, id="a number of another type"),
        pytest.param(entry(2, 1), False, id="one host is behind though it is READY"),
        pytest.param(entry(2, status="STALE"), True, id="stale data, newest definition"),
        pytest.param(entry(2, status="BUILDING"), False, id="building"),
        pytest.param(entry(2, queryable=False), False, id="not queryable"),
        pytest.param(entry(), True, id="a server that tells nothing of its hosts"),
        pytest.param({"name": "v", "status": "READY", "queryable": True}, True, id="nor versions"),
    ],
)
def test_newest_definition_answers_only_where_every_host_serves_it(listed, expected):
    assert read_build(listed).serves_latest is expected


def test_what_is_being_built_is_neither_failed_nor_done():
    assert read_build(entry(1, status="BUILDING")).is_under_way
    assert not read_build(entry(1, status="FAILED")).is_under_way
    assert not read_build(entry(2)).is_under_way


def test_message_of_the_build_comes_before_that_of_what_serves():
    staged = {"stagedIndex": {"message": "out of disk"}}
    listed = entry(1, status="FAILED", **staged)
    listed["statusDetail"][0]["mainIndex"]["message"] = "all is well"

    assert read_build(listed).message == "out of disk"
    assert read_build(entry(1, message="the host")).message == "the host"
    assert read_build(entry(1)).message is None


def test_definition_that_answers_is_the_hosts():
    listed = entry(1)
    listed["statusDetail"][0]["mainIndex"]["definition"] = {"fields": ["old"]}

    assert read_build(listed).serving_definition == {"fields": ["old"]}
    assert read_build(entry()).serving_definition == {"fields": []}


def test_index_that_is_being_deleted_is_gone():
    assert find_entry([entry(2, status="DELETING")], "v") is None
    assert find_entry([entry(2)], "v") == entry(2)
    assert find_entry([entry(2)], "w") is None
