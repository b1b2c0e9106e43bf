"""`$scoreFusion`: the documents of several searches by their scores, brought to one scale.

The score of each pipeline is normalized, then multiplied with its weight; a pipeline that does not
have a document gives it 0.
https://www.mongodb.com/docs/manual/reference/operator/aggregation/scoreFusion/
Source: https://github.com/mongodb/mongo, `document_source_score_fusion.cpp`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from ..errors import bad_value
from .bson_text import render
from .bson_types import is_number, type_name
from .expression_compiler import Scope, Variables
from .expressions import compile_expression
from .fusion import Combine, Fusion, Part
from .fusion_inputs import Input, Rules, object_field, read_inputs, read_spec, refuse_unknown
from .metadata import details_of, score_of
from .operators.support import location
from .pipelines import SOURCES, Source, StageScope
from .rows import Row

Normalize: TypeAlias = Callable[[Sequence[float]], list[float]]

_STAGE: Final = "$scoreFusion"
_WANTED: Final = (
    "All subpipelines to the $scoreFusion stage must begin with one of $search, $vectorSearch, or "
    "have a custom $score in the pipeline."
)
_DESCRIPTION: Final = (
    "the value calculated by combining the scores (either normalized or raw) across input "
    "pipelines from which this document is output from:"
)


def _fault(names: Sequence[str]) -> str | None:
    if names[0] in ("$search", "$vectorSearch"):
        return None
    return (
        f"{_WANTED} Pipeline did not begin with a scored stage and did not contain an explicit "
        "$score stage."
    )


_RULES: Final = Rules(_STAGE, _fault, _WANTED, (9402503, 10473003, 9402500, 9402502))


def _score_fusion(operand: Any, scope: StageScope) -> Source:
    spec = read_spec(_STAGE, operand)
    given = spec["input"]
    refuse_unknown(f"{_STAGE}.input", given, {"pipelines", "normalization"})
    if "normalization" not in given:
        raise location(
            40414, f"BSON field '{_STAGE}.input.normalization' is missing but a required field"
        )
    name = _one_of(f"{_STAGE}.input.normalization", given["normalization"], list(_NORMALIZATIONS))
    combination = object_field(_STAGE, spec, "combination")
    refuse_unknown(f"{_STAGE}.combination", combination, {"weights", "method", "expression"})
    _check_combination(combination)
    inputs = read_inputs(_RULES, spec, scope)
    names = [one.name for one in inputs]
    combine, told = _combination(combination, names, scope.expressions)
    summary = {"description": _DESCRIPTION, "normalization": name, "combination": told}
    rate = partial(_rated, _NORMALIZATIONS[name])
    fusion = Fusion(inputs, rate, combine, _absent, summary if spec.get("scoreDetails") else None)
    return Source(fusion.opener(), fusion.metadata)


def _check_combination(combination: Mapping[str, Any]) -> None:
    method = combination.get("method", "avg")
    _one_of(f"{_STAGE}.combination.method", method, ["avg", "expression"])
    if (method == "expression") != ("expression" in combination):
        raise location(
            10017300,
            "combination.expression should only be specified when combination.method has the value "
            '"expression"',
        )
    if "expression" in combination and "weights" in combination:
        raise location(
            10017301, "both combination.expression and combination.weights cannot be specified"
        )


def _one_of(path: str, value: Any, names: Sequence[str]) -> str:
    if value not in names:
        shown = value if isinstance(value, str) else render(value)
        raise bad_value(
            f"Enumeration value '{shown}' for field '{path}' is not a valid value, "
            f"expected one of {', '.join(names)}."
        )
    return str(value)


def _combination(
    combination: Mapping[str, Any], names: Sequence[str], scope: Scope
) -> tuple[Combine, dict[str, Any]]:
    """Return what makes the scores, and what `scoreDetails` tells of it."""
    if "expression" not in combination:
        # An input that does not have a document counts as 0 in the mean.
        return (
            lambda values, variables: sum(values.values()) / len(names),
            {"method": "average"},
        )
    given = combination["expression"]
    evaluate = compile_expression(given, scope.with_variables(*names))

    def combine(values: Mapping[str, float], variables: Variables) -> float:
        scores = {name: values.get(name, 0.0) for name in names}
        score = evaluate(Row(document={}), {**variables, **scores})
        if not is_number(score):
            raise bad_value(
                "combination.expression of $scoreFusion must evaluate to a number, "
                f"found {type_name(score)}"
            )
        return float(str(score))

    shown = render(given).replace('"', "'")
    return combine, {"method": "custom expression", "expression": shown}


def _rated(normalize: Normalize, one: Input, rows: Iterator[Row]) -> Iterator[Part]:
    kept = list(rows)
    raw = [score_of(row) or 0.0 for row in kept]
    for row, own_score, normalized in zip(kept, raw, normalize(raw), strict=True):
        value = one.weight * normalized
        details = details_of(row)
        told = {"details": [] if details is None else details}
        yield Part(row, value, {**_told(one, own_score, value), **told})


def _absent(one: Input) -> Mapping[str, Any]:
    return _told(one, 0.0, 0.0)


def _told(one: Input, own_score: float, value: float) -> dict[str, Any]:
    return {"inputPipelineRawScore": own_score, "weight": one.weight, "value": value}


def _as_it_is(scores: Sequence[float]) -> list[float]:
    return list(scores)


def _sigmoid(scores: Sequence[float]) -> list[float]:
    return [1 / (1 + math.exp(-score)) for score in scores]


def _min_max(scores: Sequence[float]) -> list[float]:
    """Return scores from 0 for the least to 1 for the greatest; 0 where all are equal."""
    least, greatest = min(scores, default=0.0), max(scores, default=0.0)
    width = greatest - least
    return [(score - least) / width if width else 0.0 for score in scores]


_NORMALIZATIONS: Final[dict[str, Normalize]] = {
    "none": _as_it_is,
    "sigmoid": _sigmoid,
    "minMaxScaler": _min_max,
}

SOURCES[_STAGE] = _score_fusion
