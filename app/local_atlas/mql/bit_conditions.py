"""The bitwise query operators: `$bitsAllSet`, `$bitsAnySet`, `$bitsAllClear`, `$bitsAnyClear`.

https://www.mongodb.com/docs/manual/reference/operator/query-bitwise/
"""

from collections.abc import Callable
from typing import Any, Final

from ..errors import bad_value, failed_to_parse
from .bson_text import render, render_field
from .bson_types import is_number
from .numbers import exact_int64

Test = Callable[[Any], bool]

_MOST_BITS: Final = 8 * 16 * 1024 * 1024  # a document has fewer


def bit_test(name: str, operand: Any) -> Test:
    """Compile one bitwise operator into a test of a number or of binary data."""
    mask = _mask(name, operand)
    holds = _RULES[name]

    def test(value: Any) -> bool:
        bits = _bits(value)
        return bits is not None and holds(bits, mask)

    return test


def _bits(value: Any) -> int | None:
    """Return a value's bits, sign-extended without end, None where it has none."""
    if isinstance(value, bytes):
        return int.from_bytes(value, "little")
    return exact_int64(value)


def _mask(name: str, operand: Any) -> int:
    if isinstance(operand, list):
        return _mask_of(set(map(_bit_position, operand)))
    if isinstance(operand, bytes):
        return int.from_bytes(operand, "little")
    if not is_number(operand):
        shown = render_field(name, operand)
        raise bad_value(f"{name} takes an Array, a number, or a BinData but received: {shown}")
    mask_or_none = exact_int64(operand)
    if mask_or_none is None:
        raise failed_to_parse(f"Expected an integer: {render_field(name, operand)}")
    if mask_or_none < 0:
        raise failed_to_parse(f"Expected a non-negative number in: {render_field(name, operand)}")
    return mask_or_none


def _mask_of(positions: set[int]) -> int:
    # Beyond the last bit of the largest value there is only its sign.
    nearest = {min(position, _MOST_BITS) for position in positions}
    bits = bytearray(max(nearest, default=0) // 8 + 1)
    for position in nearest:
        bits[position // 8] |= 1 << position % 8
    return int.from_bytes(bits, "little")


def _bit_position(item: Any) -> int:
    position = exact_int64(item)
    if position is None:
        raise bad_value(f"bit positions must be an integer but got: {render(item)}")
    if position < 0:
        raise bad_value(f"bit positions must be >= 0 but got: {render(item)}")
    if position >= 1 << 31:
        raise bad_value(
            f"bit positions cannot be represented as a 32-bit signed integer: {render(item)}"
        )
    return position


_RULES: Final[dict[str, Callable[[int, int], bool]]] = {
    "$bitsAllSet": lambda bits, mask: bits & mask == mask,
    "$bitsAnySet": lambda bits, mask: bits & mask != 0,
    "$bitsAllClear": lambda bits, mask: bits & mask == 0,
    "$bitsAnyClear": lambda bits, mask: bits & mask != mask,
}
BIT_OPERATORS: Final = frozenset(_RULES)
