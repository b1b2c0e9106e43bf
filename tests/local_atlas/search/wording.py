"""Refusals of index commands: in LocalAtlas's words on LocalAtlas, in any that mean it elsewhere.

The management side of Atlas checks definitions by itself and has words and codes of its own; what
every server promises is that it refuses, and names the field. Queries need no such care: their
refusals come from the same search server everywhere, text and code.
"""

import re
from collections.abc import Mapping
from typing import Any

from tests import real_server
from tests.local_atlas.search.asking import NOT_REFUSED, Documents, command_refusal

Answer = tuple[int, str]


def means(answered: Answer, expected: Answer) -> bool:
    """Return whether a refusal is another one's equal: it refuses, and names the same field."""
    field = re.match(r'"(?:[^"]*\.)?(\w+)(?:\[\d+\])?"', expected[1])
    return answered != NOT_REFUSED and (field is None or field[1] in answered[1])


def assert_command_refused(
    collection: Documents, command: str, fields: Mapping[str, Any], expected: Answer
) -> None:
    """Assert that an index command is refused with this code and text, or as `means` tells."""
    assert_answer(command_refusal(collection, command, **fields), expected)


def assert_answer(answered: Answer, expected: Answer) -> None:
    """Assert that a refusal of an index command is this one, or as `means` tells."""
    if answered != expected and real_server.asked is not None and means(answered, expected):
        real_server.asked.other_words.append((answered, expected))
    else:
        assert answered == expected
