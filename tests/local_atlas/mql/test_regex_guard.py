"""Patterns that search for ever are stopped; all others find what they always found."""

import json
import re
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import OperationFailure

from app.local_atlas.errors import CommandError
from app.local_atlas.mql import regex_guard
from app.local_atlas.mql.regex_guard import GuardedPattern, guarded
from tests.local_atlas.peers import send_command

Docs = Database[dict[str, Any]]
ENDLESS = "a" * 40 + "!"
LONG = "x" * 100


@pytest.mark.parametrize(
    "pattern",
    ["red", "^red", "a+b", r"\(a\)+\*", "[*+][+*]", "a{2,3}b{4}c*", "(red|blue) dress", "a.*"],
)
def test_pattern_that_is_always_quick_is_left_alone(pattern: str) -> None:
    assert guarded(re.compile(pattern)).__class__ is re.Pattern


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|a)*b", r".*a.*", r"(\.[a-z]+){2,}", "[a]+b+"])
def test_pattern_that_may_be_slow_is_guarded(pattern: str) -> None:
    assert isinstance(guarded(re.compile(pattern)), GuardedPattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^([a-z]+)(\.[a-z]+)*@(\w+)$", "some.body.else.whose.name.is.long@here"),
        (r"(?i)(A+)(b)?", "xaaabxaa" * 5),
        (r".*x.*y.*", LONG + "y\n" + LONG),
        (r"(é|衣服)+", "x" * 40 + "衣服é"),
        (r"(a)*", "b" * 20),
    ],
    ids=["address", "case", "lines", "unicode", "empty"],
)
def test_guarded_pattern_finds_the_same(pattern: str, text: str) -> None:
    plain = re.compile(pattern)
    expected = [(each[0], each.start(), each.groups()) for each in plain.finditer(text)]
    slow = GuardedPattern(plain, 9, is_exponential=True)

    found = [(each[0], each.start(), each.groups()) for each in slow.finditer(text)]
    first = slow.search(text)

    assert found == expected
    assert first is not None
    assert (first[0], first.start(), first.groups()) == expected[0]


def test_guarded_pattern_finds_nothing_where_there_is_nothing() -> None:
    pattern = guarded(re.compile("^(a+)+$"))

    assert pattern.search("b" * 40) is None
    assert list(pattern.finditer("b" * 40)) == []


def test_search_without_end_is_stopped_and_the_next_one_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(regex_guard, "_LIMIT_S", 0.2)
    pattern = guarded(re.compile("^(a+)+$"))

    with pytest.raises(CommandError) as stopped:
        pattern.search(ENDLESS)

    assert stopped.value.code == 51156
    assert pattern.search("a" * 40) is not None


def test_search_goes_on_where_somebody_ended_the_other_process() -> None:
    pattern = guarded(re.compile("^(a+)+$"))
    assert pattern.search("a" * 40) is not None
    process = regex_guard._WORKER._process
    assert process is not None

    process.kill()
    process.wait()

    assert pattern.search("a" * 40) is not None


def test_program_ends_by_itself_where_nobody_stops_it() -> None:
    code = "from app.local_atlas.mql import regex_program as p; p._LIMIT_S = 1; p.main()"
    request = json.dumps(["^(a+)+$", 32, ENDLESS, False]) + "\n"

    ended = subprocess.run([sys.executable, "-c", code], input=request.encode(), check=False)

    assert ended.returncode == -signal.SIGALRM


@pytest.mark.parametrize(
    "query",
    [
        {"x": {"$regex": "^(a+)+$"}},
        {"$expr": {"$regexMatch": {"input": "$x", "regex": "^(a|a)*$"}}},
        {"x": {"$not": re.compile("^(a*)*$")}},
    ],
    ids=["$regex", "$regexMatch", "value"],
)
def test_others_are_served_while_a_search_does_not_end(
    db: Docs, peer: socket.socket, query: dict[str, Any]
) -> None:
    db.c.insert_one({"x": ENDLESS})

    with pytest.raises(OperationFailure) as stopped:
        list(db.c.find(query))

    assert stopped.value.code == 51156
    assert send_command(peer, {"ping": 1, "$db": db.name})["ok"] == 1
