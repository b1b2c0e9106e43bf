"""How large a value an operator may make: what doubles one again and again ends before the memory.

The limits are the real server's: 64 MB of text, 100 MB for an array.
"""

from typing import Final

from ...errors import CommandError
from .support import location

_MAX_TEXT: Final = 64 * 1024 * 1024
_MAX_ELEMENTS: Final = 100 * 1024 * 1024 // 16  # of 16 bytes each


def check_text_length(length: int) -> None:
    """Refuse to make a string of so many characters.

    Raises:
        CommandError: 13548.
    """
    if length > _MAX_TEXT:
        message = f"BufBuilder attempted to grow() to {length} bytes, past the 64MB limit."
        raise location(13548, message)


def check_array_length(name: str, length: int) -> None:
    """Refuse to make an array of so many elements.

    Args:
        name: of the operator.
        length: of the array.

    Raises:
        CommandError: 146.
    """
    if length > _MAX_ELEMENTS:
        raise CommandError(
            146,
            "ExceededMemoryLimit",
            f"{name} would make an array of {length} elements, it may have {_MAX_ELEMENTS}.",
        )
