"""A slow, obvious comparison of BSON values, written from the manual, and values to try it on.

https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/
"""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

from bson import (
    Binary,
    Code,
    DatetimeMS,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
)
from bson.timestamp import Timestamp
from hypothesis import strategies as st


def compare(a: Any, b: Any) -> int:
    """Return the sign of `a` against `b`."""
    if rank(a) != rank(b):
        return sign(rank(a), rank(b))
    if rank(a) == 2:
        return sign(number(a), number(b))
    if isinstance(a, dict):
        return compare_documents(a, b)
    if isinstance(a, list):
        return compare_sequences([(0, each) for each in a], [(0, each) for each in b])
    return sign(plain(a), plain(b))


def rank(value: Any) -> int:
    if isinstance(value, Code):
        return 13 if value.scope is not None else 12
    if isinstance(value, bool):
        return 8
    order: list[Any] = [MinKey, type(None), (int, float, Decimal128), str, dict, list]
    order += [bytes, ObjectId, bool, DatetimeMS, Timestamp, Regex, Code, (), MaxKey]
    return next(place for place, kind in enumerate(order) if kind and isinstance(value, kind))


def number(value: Any) -> tuple[int, Fraction]:
    """NaN, then minus infinity, then the numbers by exact value, then infinity."""
    exact = value.to_decimal() if isinstance(value, Decimal128) else value
    is_decimal = isinstance(exact, Decimal)
    if exact.is_nan() if is_decimal else math.isnan(exact):
        return (0, Fraction(0))
    if exact.is_infinite() if is_decimal else math.isinf(exact):
        return (3, Fraction(0)) if exact > 0 else (1, Fraction(0))
    return (2, Fraction(exact))


def compare_documents(a: dict[str, Any], b: dict[str, Any]) -> int:
    return compare_sequences(list(a.items()), list(b.items()))


def compare_sequences(a: list[tuple[Any, Any]], b: list[tuple[Any, Any]]) -> int:
    for (name_a, value_a), (name_b, value_b) in zip(a, b, strict=False):
        by_type = sign(rank(value_a), rank(value_b))
        by_name = sign(name_a, name_b) if isinstance(name_a, int) else sign_text(name_a, name_b)
        for result in (by_type, by_name, compare(value_a, value_b)):
            if result:
                return result
    return sign(len(a), len(b))


def plain(value: Any) -> Any:
    if isinstance(value, Code):
        return (str(value).encode(), number_free(value.scope))
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return (len(value), getattr(value, "subtype", 0), bytes(value))
    if isinstance(value, Regex):
        letters = [(2, "i"), (4, "l"), (8, "m"), (16, "s"), (32, "u"), (64, "x")]
        return (value.pattern.encode(), "".join(x for bit, x in letters if value.flags & bit))
    if isinstance(value, Timestamp):
        return (value.time, value.inc)
    if isinstance(value, DatetimeMS):
        return int(value)
    return 0 if value is None or isinstance(value, MinKey | MaxKey) else value


def number_free(scope: Any) -> Any:
    return sorted(scope) if scope else []


def sign_text(a: str, b: str) -> int:
    return sign(a.encode(), b.encode())


def sign(a: Any, b: Any) -> int:
    return (a > b) - (a < b)


_EDGES = [2**53 - 1, 2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), -(2**53) - 1, 0, 1, -1]
_DECIMALS = ["0", "-0", "0.1", "0.10", "1E-6176", "-1E-6176", "9.9E+6144", "-9.9E+6144", "NaN"]
_DECIMALS += ["Infinity", "-Infinity", "9007199254740993", "9007199254740992.5", "1E+400", "5E-324"]

numbers = st.one_of(
    st.sampled_from(_EDGES).map(Int64),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.floats(),
    st.sampled_from([float(edge) for edge in _EDGES] + [5e-324, 0.1, -0.0, 1.7976931348623157e308]),
    st.sampled_from(_DECIMALS).map(Decimal128),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-999, max_value=999).map(
        lambda value: Decimal128(str(value))
    ),
)
texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=4)
names = st.text(alphabet="ab$é0", max_size=2)
scalars = st.one_of(
    numbers,
    texts,
    st.none(),
    st.booleans(),
    st.binary(max_size=3),
    st.builds(Binary, st.binary(max_size=3), st.sampled_from([0, 3, 4, 5, 9, 128])),
    st.binary(min_size=12, max_size=12).map(ObjectId),
    st.integers(-(2**62), 2**62).map(DatetimeMS),
    st.builds(Timestamp, st.integers(0, 2**32 - 1), st.integers(0, 3)),
    st.builds(Regex, st.text(alphabet="ab", max_size=2), st.sampled_from([0, 2, 8, 10])),
    st.sampled_from([MinKey(), MaxKey(), Code("a"), Code("b"), Code("a", {}), Code("b", {})]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
