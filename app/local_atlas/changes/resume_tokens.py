"""Resume tokens: a place in the log of changes, as a string of hexadecimal digits.

As with the real server's, the `_data` of a later event is the greater string. What is in it is
this server's own: the cluster time, the sequence number in the log, and what the token stands for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from ..errors import CommandError, failed_to_parse
from ..mql.bson_text import render
from ..mql.operators.support import location

_FORM: Final = re.compile(r"82([0-9A-F]{16})([0-9A-F]{16})(0[1-3])([0-9A-F]{4})")
_HEXADECIMAL: Final = re.compile(r"(?:[0-9A-Fa-f]{2})*")


class TokenKind(IntEnum):
    """What a token stands for; of two with the same sequence number, the greater is later."""

    EVENT = 1
    INVALIDATE = 2
    """The end of a stream, which the event of this number brought about."""
    HIGH_WATER_MARK = 3
    """The stream has seen everything up to this number."""


@dataclass(frozen=True, slots=True)
class ResumeToken:
    """A place in the log.

    Attributes:
        cluster_time: as a number, see `clock.py`.
        sequence: of the last change that lies before the place or at it.
        kind: what the token stands for.
        fragment: of a split event, the number of the fragment from 1; 0 for a whole one.
    """

    cluster_time: int
    sequence: int
    kind: TokenKind
    fragment: int = 0

    def document(self) -> dict[str, Any]:
        """Return the token as events and replies show it."""
        place = f"82{self.cluster_time:016X}{self.sequence:016X}"
        return {"_data": f"{place}{self.kind:02X}{self.fragment:04X}"}


def parse_resume_token(document: Mapping[str, Any]) -> ResumeToken:
    """Read a token that a client hands back.

    Raises:
        CommandError: 40647 without a string in `_data`, 9 where it is not hexadecimal, 260 where
            it is no token of LocalAtlas.
    """
    data = document.get("_data")
    if not isinstance(data, str):
        shown = render(dict(document))
        raise location(40647, f"Bad resume token: _data of missing or of wrong type: {shown}")
    if not data or not _HEXADECIMAL.fullmatch(data):
        raise failed_to_parse("resume token string was not a valid hex string")
    found = _FORM.fullmatch(data)
    if found is None:
        raise CommandError(
            260, "InvalidResumeToken", f"The resume token '{data}' was not given by LocalAtlas."
        )
    cluster_time, sequence, kind, fragment = (int(digits, 16) for digits in found.groups())
    return ResumeToken(cluster_time, sequence, TokenKind(kind), fragment)
