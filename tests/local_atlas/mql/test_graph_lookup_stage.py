"""`$graphLookup`: who is reached, in how many steps."""

from typing import Any

import pytest
from bson import Int64

from app.local_atlas.errors import CommandError
from app.local_atlas.mql.stages import run_pipeline
from tests.local_atlas.mql.environments import ListEnvironment

Document = dict[str, Any]

_PEOPLE: list[Document] = [
    {"_id": 1, "name": "Dev", "boss": None},
    {"_id": 2, "name": "Eliot", "boss": "Dev"},
    {"_id": 3, "name": "Ron", "boss": "Eliot", "active": True},
    {"_id": 4, "name": "Andrew", "boss": "Eliot"},
    {"_id": 5, "name": "Asya", "boss": "Ron"},
]
_CITIES: list[Document] = [
    {"_id": 0, "airport": "JFK", "to": ["BOS", "ORD"]},
    {"_id": 1, "airport": "BOS", "to": ["JFK", "PWM"]},
    {"_id": 2, "airport": "ORD", "to": ["JFK"]},
    {"_id": 3, "airport": "PWM", "to": ["BOS", "LHR"]},
    {"_id": 4, "airport": "LHR", "to": ["PWM"]},
]
_BOSSES: Document = {
    "from": "people", "startWith": "$boss", "connectFromField": "boss", "connectToField": "name",
    "as": "bosses",
}  # fmt: skip
_FLIGHTS: Document = {
    "from": "cities", "startWith": "$at", "connectFromField": "to", "connectToField": "airport",
    "as": "reached",
}  # fmt: skip


def _run(stage: Document, start: list[Document]) -> list[Document]:
    environment = ListEnvironment({"people": _PEOPLE, "cities": _CITIES, "start": start}, "start")
    rows = run_pipeline([{"$graphLookup": stage}], environment)
    return [row.document for row in rows]


def test_chain_is_followed_to_its_end() -> None:
    (asya, dev) = _run(_BOSSES, [_PEOPLE[4], _PEOPLE[0]])

    assert [boss["name"] for boss in asya["bosses"]] == ["Ron", "Eliot", "Dev"]
    assert dev == {**_PEOPLE[0], "bosses": []}


def test_circle_is_gone_through_once() -> None:
    (found,) = _run({**_FLIGHTS, "depthField": "steps"}, [{"_id": 0, "at": "JFK"}])

    steps = {city["airport"]: city["steps"] for city in found["reached"]}
    assert steps == {"JFK": 0, "BOS": 1, "ORD": 1, "PWM": 2, "LHR": 3}
    assert all(type(step) is Int64 for step in steps.values())


@pytest.mark.parametrize(
    ("max_depth", "reached"),
    [(0, ["JFK"]), (1, ["BOS", "JFK", "ORD"]), (2.0, ["BOS", "JFK", "ORD", "PWM"])],
)
def test_depth_is_limited(max_depth: float, reached: list[str]) -> None:
    (found,) = _run({**_FLIGHTS, "maxDepth": max_depth}, [{"at": "JFK"}])

    assert sorted(city["airport"] for city in found["reached"]) == reached


def test_restriction_cuts_off_what_lies_behind() -> None:
    stage = {**_BOSSES, "restrictSearchWithMatch": {"active": True}}

    (found,) = _run(stage, [_PEOPLE[4]])

    assert [boss["name"] for boss in found["bosses"]] == ["Ron"]


def test_search_starts_with_each_value_of_an_array_and_not_from_what_is_missing() -> None:
    (both, none) = _run({**_FLIGHTS, "maxDepth": 0}, [{"at": ["LHR", "ORD", "CDG"]}, {}])

    assert sorted(city["airport"] for city in both["reached"]) == ["LHR", "ORD"]
    assert none == {"reached": []}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"from": 1}, 40103),
        ({"maxDepth": "1"}, 40100),
        ({"maxDepth": -1}, 40101),
        ({"maxDepth": 1.5}, 40102),
        ({"nope": 1}, 40104),
        ({"restrictSearchWithMatch": 1}, 40185),
        ({"restrictSearchWithMatch": {"$nope": 1}}, 2),
        ({"startWith": {"$nope": 1}}, 168),
        ({"as": "a..b"}, 15998),
    ],
    ids=str,
)
def test_malformed_specification_is_refused(change: Document, code: int) -> None:
    with pytest.raises(CommandError) as caught:
        _run({**_BOSSES, **change}, [])

    assert caught.value.code == code


@pytest.mark.parametrize("stage", [1, {}, {"from": "people"}], ids=str)
def test_incomplete_specification_is_refused(stage: Any) -> None:
    with pytest.raises(CommandError) as caught:
        _run(stage, [])

    assert caught.value.code == (40327 if stage == 1 else 40105)
