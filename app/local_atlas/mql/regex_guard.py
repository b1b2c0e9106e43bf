"""Patterns that may search for ever, as `(a+)+$` does, and what stops them.

PCRE counts its steps and gives up; Python's engine counts nothing, cannot be interrupted and keeps
every other thread waiting. Strategy:
1. From the pattern and the length of the text follows how many steps a search may take at worst;
   nearly all take few, and run here.
2. The others run in a process of their own, which is killed where its time is up. The command then
   fails as it does where PCRE gives up.
"""

import atexit
import json
import os
import re
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ..errors import CommandError

_LIMIT_S: Final = 1.0  # for one text
_MAX_STEPS: Final = 10_000_000  # pcre2's own limit, and some tenths of a second here
_SHORT: Final = 16  # a text of which even every split into parts is soon tried
_PROGRAM: Final = Path(__file__).with_name("regex_program.py")
_ESCAPED: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_UNBOUNDED: Final = re.compile(r"[*+]|\{\d*,\}")
_REPEATED_GROUP: Final = re.compile(r"\)(?:[*+]|\{\d+)")


@dataclass(frozen=True, slots=True)
class Found:
    """One match, with what is asked of an `re.Match`."""

    _text: str
    _start: int
    _groups: tuple[str | None, ...]

    def __getitem__(self, group: Literal[0]) -> str:
        return self._text

    def start(self) -> int:
        """Return where it starts."""
        return self._start

    def groups(self) -> tuple[str | None, ...]:
        """Return what its groups matched."""
        return self._groups


class GuardedPattern:
    """A pattern that may be slow, with what is asked of an `re.Pattern`.

    Args:
        pattern: decides the flags too.
        degree: the greatest exponent of the length of a text in the number of steps.
        is_exponential: the number of steps may double with each character.
    """

    def __init__(self, pattern: re.Pattern[str], degree: int, *, is_exponential: bool) -> None:
        self._pattern = pattern
        self._degree = degree
        self._is_exponential = is_exponential

    def search(self, text: str) -> re.Match[str] | Found | None:
        """Return the first match, None where there is none.

        Raises:
            CommandError: 51156, from both methods: it takes too long.
        """
        if self._is_quick(text):
            return self._pattern.search(text)
        return next(iter(_WORKER.search(self._pattern, text, wants_all=False)), None)

    def finditer(self, text: str) -> Iterator[re.Match[str] | Found]:
        """Return every match, one behind the other."""
        if self._is_quick(text):
            return self._pattern.finditer(text)
        return iter(_WORKER.search(self._pattern, text, wants_all=True))

    def _is_quick(self, text: str) -> bool:
        if self._is_exponential:
            return len(text) <= _SHORT
        return bool(len(text) ** (self._degree + 1) <= _MAX_STEPS)


Pattern = re.Pattern[str] | GuardedPattern


def guarded(pattern: re.Pattern[str]) -> Pattern:
    """Return the pattern itself, or one that does the same in bounded time where it might not."""
    bare = _ESCAPED.sub("x", pattern.pattern)
    degree = len(_UNBOUNDED.findall(bare))
    is_exponential = _REPEATED_GROUP.search(bare) is not None
    if degree < 2 and not is_exponential:
        return pattern
    return GuardedPattern(pattern, degree, is_exponential=is_exponential)


class _Worker:
    """The other process; started when it is needed first, and again where it was stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def search(self, pattern: re.Pattern[str], text: str, *, wants_all: bool) -> list[Found]:
        """Return what is found, in order; one match at most unless all are wanted."""
        request = json.dumps((pattern.pattern, pattern.flags, text, wants_all)) + "\n"
        with self._lock:
            try:
                answer = self._answer(request.encode())
            except BaseException:
                self._stop()
                raise
        return [Found(text, start, tuple(groups)) for text, start, groups in json.loads(answer)]

    def forget(self) -> None:
        """Leave the process to the parent, in a fork of it."""
        self._lock, self._process = threading.Lock(), None

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            self._stop()

    def _answer(self, request: bytes) -> bytes:
        if self._process is not None and self._process.poll() is not None:
            self._stop()  # somebody has ended it
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request)
        process.stdin.flush()
        if not select.select([process.stdout], [], [], _LIMIT_S)[0]:
            raise CommandError(
                51156,
                "Location51156",
                "Error occurred while executing the regular expression: match limit exceeded",
            )
        return process.stdout.readline()

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


_WORKER: Final = _Worker()
atexit.register(_WORKER.stop)
os.register_at_fork(after_in_child=_WORKER.forget)
