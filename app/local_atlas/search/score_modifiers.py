"""`score` of a search operator: boost, constant and function.

A modifier maps the relevance scores of hits to others. A boost by a value multiplies in float32;
whatever has a field or an expression in it is computed in float64 and narrowed at the end. Field
values come from the index: a field that has not exactly one number counts as undefined.
Source: https://github.com/mongodb/mongot, `index/query/scores`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..mql.bson_types import is_string
from .parsing import (
    DocumentParser,
    document_of,
    list_of,
    number,
    refuse,
    refuse_type,
    string,
)

Floats = npt.NDArray[Any]
# Looks up one number per hit at a path; NaN where there is none.
NumbersAt: TypeAlias = Callable[[str], Floats]
# Takes relevance scores (k,) and the look-up, returns (k,) float32.
ScoreModifier: TypeAlias = Callable[[Floats, NumbersAt], Floats]


def read_score(value: Any, path: str) -> ScoreModifier:
    """Read exactly one of `boost`, `constant` and `function`.

    Raises:
        ParseError: with the search server's path and text.
    """
    return document_of(_parse_score)(value, path)


@dataclass(frozen=True, slots=True)
class Dismax:
    """The best clause counts in full, and the others by a factor from 0 to 1."""

    tie_breaker: float


def read_compound_score(value: Any, path: str) -> ScoreModifier | Dismax:
    """Read the `score` of a compound operator, which may also be `dismax`.

    Raises:
        ParseError: with the search server's path and text.
    """
    return document_of(_parse_compound_score)(value, path)


def _parse_compound_score(parser: DocumentParser) -> ScoreModifier | Dismax:
    modifiers: dict[str, Any] = {**_modifiers(parser)}
    modifiers["dismax"] = parser.optional_or_none("dismax", document_of(_parse_dismax))
    found: ScoreModifier | Dismax = parser.exactly_one(modifiers)[1]
    return found


def _parse_dismax(parser: DocumentParser) -> Dismax:
    return Dismax(parser.optional("tieBreakerScore", _read_tie_breaker, 1.0))


def _read_tie_breaker(value: Any, path: str) -> float:
    result = number(value, path)
    if not 0 <= result <= 1:
        refuse(path, "must be within bounds [0.0..1.0]")
    return result


def _parse_score(parser: DocumentParser) -> ScoreModifier:
    return parser.exactly_one(_modifiers(parser))[1]


def _modifiers(parser: DocumentParser) -> dict[str, ScoreModifier | None]:
    return {
        "boost": parser.optional_or_none("boost", document_of(_parse_boost)),
        "constant": parser.optional_or_none("constant", document_of(_parse_constant)),
        "function": parser.optional_or_none("function", _read_function),
    }


def _parse_boost(parser: DocumentParser) -> ScoreModifier:
    value = parser.optional_or_none("value", _read_positive)
    path = parser.optional_or_none("path", string)
    undefined = parser.optional_or_none("undefined", number)
    parser.exactly_one({"value": value, "path": path})
    if path is not None:
        return _as_scores(_product([_relevance, _field(path, undefined or 0)]))
    if undefined is not None:
        parser.refuse('"undefined" cannot be present when "value" is present')
    factor = np.float32(value)
    return lambda relevance, numbers_at: relevance * factor


def _parse_constant(parser: DocumentParser) -> ScoreModifier:
    value = parser.required("value", _read_non_negative)
    return lambda relevance, numbers_at: np.full(len(relevance), value, np.float32)


def _read_function(value: Any, path: str) -> ScoreModifier:
    return _as_scores(_read_expression(value, path))


def _as_scores(compute: ScoreModifier) -> ScoreModifier:
    # The engine has no negative scores, and none that is not a number.
    def modify(relevance: Floats, numbers_at: NumbersAt) -> Floats:
        computed = compute(relevance, numbers_at)
        with np.errstate(over="ignore"):
            return np.where(computed > 0, computed, 0).astype(np.float32)

    return modify


def _read_expression(value: Any, path: str) -> ScoreModifier:
    return document_of(_parse_expression)(value, path)


def _parse_expression(parser: DocumentParser) -> ScoreModifier:
    return parser.exactly_one(
        {name: parser.optional_or_none(name, read) for name, read in _EXPRESSIONS.items()}
    )[1]


def _read_path_expression(value: Any, path: str) -> ScoreModifier:
    if is_string(value):
        return _field(value, 0)
    if not isinstance(value, Mapping):
        refuse_type(path, "string or document", value)
    return document_of(_parse_path_expression)(value, path)


def _parse_path_expression(parser: DocumentParser) -> ScoreModifier:
    return _field(parser.required("value", string), parser.optional("undefined", number, 0.0))


def _read_relevance(value: Any, path: str) -> ScoreModifier:
    if string(value, path) != "relevance":
        refuse(path, "must be one of [relevance]")
    return _relevance


def _read_constant_expression(value: Any, path: str) -> ScoreModifier:
    return _constant(number(value, path))


def _read_terms(value: Any, path: str) -> list[ScoreModifier]:
    terms = list_of(_read_expression)(value, path)
    if len(terms) < 2:
        refuse(path, "must have at least 2 elements")
    return terms


def _parse_gauss(parser: DocumentParser) -> ScoreModifier:
    field = parser.required("path", _read_path_expression)
    origin = parser.required("origin", _read_finite)
    scale = parser.required("scale", _read_scale)
    offset = parser.optional("offset", _read_finite, 0.0)
    decay = parser.optional("decay", _read_decay, 0.5)
    spread = scale**2 / math.log(decay)

    def compute(relevance: Floats, numbers_at: NumbersAt) -> Floats:
        distance = np.maximum(np.abs(field(relevance, numbers_at) - origin) - offset, 0)
        decayed: Floats = np.exp(distance**2 / spread)
        return decayed

    return compute


def _relevance(relevance: Floats, numbers_at: NumbersAt) -> Floats:
    return relevance.astype(np.float64)


def _constant(value: float) -> ScoreModifier:
    return lambda relevance, numbers_at: np.full(len(relevance), value, np.float64)


def _field(path: str, undefined: float) -> ScoreModifier:
    def compute(relevance: Floats, numbers_at: NumbersAt) -> Floats:
        values = numbers_at(path)
        return np.where(np.isnan(values), undefined, values)

    return compute


def _sum(terms: list[ScoreModifier]) -> ScoreModifier:
    def compute(relevance: Floats, numbers_at: NumbersAt) -> Floats:
        total = np.zeros(len(relevance), np.float64)
        for term in terms:
            total += term(relevance, numbers_at)
        return total

    return compute


def _product(factors: list[ScoreModifier]) -> ScoreModifier:
    def compute(relevance: Floats, numbers_at: NumbersAt) -> Floats:
        product = np.ones(len(relevance), np.float64)
        for factor in factors:
            product *= factor(relevance, numbers_at)
        return product

    return compute


def _logarithm(argument: ScoreModifier, added: int) -> ScoreModifier:
    def compute(relevance: Floats, numbers_at: NumbersAt) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithm: Floats = np.log10(argument(relevance, numbers_at) + added)
            return logarithm

    return compute


def _read_positive(value: Any, path: str) -> float:
    result = _read_finite(value, path)
    if result <= 0:
        refuse(path, "must be positive")
    return result


def _read_non_negative(value: Any, path: str) -> float:
    result = _read_finite(value, path)
    if result < 0:
        refuse(path, "cannot be negative")
    return result


def _read_scale(value: Any, path: str) -> float:
    result = _read_finite(value, path)
    if result == 0:
        refuse(path, "must be nonzero")
    return result


def _read_decay(value: Any, path: str) -> float:
    result = _read_finite(value, path)
    if not 0 < result < 1:
        refuse(path, "must be between 0 and 1 (exclusive)")
    return result


def _read_finite(value: Any, path: str) -> float:
    result = number(value, path)
    if not math.isfinite(result):
        refuse(path, "must be finite")
    return result


_EXPRESSIONS: dict[str, Callable[[Any, str], ScoreModifier]] = {
    "path": _read_path_expression,
    "score": _read_relevance,
    "constant": _read_constant_expression,
    "add": lambda value, path: _sum(_read_terms(value, path)),
    "multiply": lambda value, path: _product(_read_terms(value, path)),
    "gauss": document_of(_parse_gauss),
    "log": lambda value, path: _logarithm(_read_expression(value, path), 0),
    "log1p": lambda value, path: _logarithm(_read_expression(value, path), 1),
}
