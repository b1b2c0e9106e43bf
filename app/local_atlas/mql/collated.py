"""A string that compares by a collation, and otherwise is the string that it was.

Under a collation every string of a document and of a query is one of these: `sort_key` asks it for
its key, so filters, sorts, groups and sets compare by the collation without knowing of it, and what
looks at the characters (a regular expression, `$concat`, the BSON encoder) sees the plain string.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bson import Code


class CollatedString(str):
    """A string and its place in a collation's order.

    Args:
        text: the string.
        make_key: of the collation.
    """

    __slots__ = ("_key", "_make_key")
    _key: bytes | None
    _make_key: Callable[[str], bytes]

    def __new__(cls, text: str, make_key: Callable[[str], bytes]) -> "CollatedString":
        """Make one; its key is computed when somebody asks for it."""
        made = super().__new__(cls, text)
        made._make_key = make_key
        made._key = None
        return made

    @property
    def key(self) -> bytes:
        """Bytes that compare as the collation compares the strings."""
        if self._key is None:
            self._key = self._make_key(self)
        return self._key


def collated(value: Any, make_key: Callable[[str], bytes]) -> Any:
    """Return a value in which every string, all the way down, compares by a collation.

    Names of fields are left alone.
    """
    if isinstance(value, str):
        return value if isinstance(value, Code) else CollatedString(value, make_key)
    if isinstance(value, list):
        return [collated(item, make_key) for item in value]
    if isinstance(value, Mapping):
        return {name: collated(item, make_key) for name, item in value.items()}
    return value
