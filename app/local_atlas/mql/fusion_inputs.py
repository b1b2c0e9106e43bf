"""What `$rankFusion` and its kin are given: pipelines with names and weights, whether to explain.

An input selects and orders documents of the collection and changes none of them.
Source: https://github.com/mongodb/mongo, `document_source_hybrid_scoring_util.cpp`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import CommandError, failed_to_parse, type_mismatch
from .bson_text import render_field
from .bson_types import is_number, type_name
from .expression_compiler import check_field_path
from .operators.support import location
from .pipelines import Pipeline, StageScope, check_stage_names, compile_pipeline
from .transforms import stage_parts

_FUSIONS: Final = frozenset({"$rankFusion", "$scoreFusion"})
_SELECTING: Final = frozenset(
    {"$limit", "$match", "$sample", "$search", "$skip", "$sort", "$vectorSearch"} | _FUSIONS
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a fusion asks of its inputs.

    Attributes:
        stage: its name.
        fault: tells from the names of an input's stages why that does not do; None where it does.
        wanted: the sentence on what an input must be.
        codes: of the errors of an empty input, of a fusion inside it, of a fault, and of a stage
            that changes documents.
    """

    stage: str
    fault: Callable[[Sequence[str]], str | None]
    wanted: str
    codes: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Input:
    """One pipeline of a fusion."""

    name: str
    pipeline: Pipeline
    weight: float


def read_inputs(rules: Rules, spec: Mapping[str, Any], scope: StageScope) -> tuple[Input, ...]:
    """Read the pipelines of a fusion with their weights, in the order of their names.

    Args:
        rules: of the fusion.
        spec: with `input.pipelines`, and `combination.weights` where there are any.
        scope: of the stage.

    Raises:
        CommandError: with the server's codes, or what a pipeline is refused with by itself.
    """
    stage = rules.stage
    given = object_field(f"{stage}.input", spec["input"], "pipelines", is_required=True)
    inner = scope.of_sub_pipeline()
    compiled: dict[str, Pipeline] = {}
    for name, pipeline in given.items():
        if not isinstance(pipeline, list):
            raise type_mismatch("A pipeline must be an array of objects")
        _check_pipeline(rules, pipeline)
        compiled[name] = compile_pipeline(pipeline, inner)
        _check_name(stage, name)
    if not compiled:
        raise failed_to_parse(f"{stage} needs at least one pipeline in 'input.pipelines'.")
    combination = object_field(stage, spec, "combination")
    weights = object_field(f"{stage}.combination", combination, "weights")
    checked = _checked_weights(stage, weights, compiled)
    return tuple(Input(name, compiled[name], checked.get(name, 1.0)) for name in sorted(compiled))


def read_spec(stage: str, spec: Any) -> Mapping[str, Any]:
    """Check the outline of a fusion's specification, and that `scoreDetails` is a boolean.

    Raises:
        CommandError: 9 for what is no document, 14, 40414 or 40415 for a field.
    """
    if not isinstance(spec, Mapping):
        shown = render_field(stage, spec)
        raise failed_to_parse(f"{stage} must take a nested object but found: {shown}")
    refuse_unknown(stage, spec, {"input", "combination", "scoreDetails"})
    object_field(stage, spec, "input", is_required=True)
    details = spec.get("scoreDetails", False)
    if not isinstance(details, bool):
        raise _wrong_type(f"{stage}.scoreDetails", details, "bool")
    return spec


def object_field(
    path: str, document: Mapping[str, Any], name: str, *, is_required: bool = False
) -> Mapping[str, Any]:
    """Return a field that is a document, an empty one where it may be missing and is."""
    if name not in document:
        if is_required:
            raise location(40414, f"BSON field '{path}.{name}' is missing but a required field")
        return {}
    value = document[name]
    if not isinstance(value, Mapping):
        raise _wrong_type(f"{path}.{name}", value, "object")
    return value


def refuse_unknown(path: str, document: Mapping[str, Any], known: set[str]) -> None:
    """Refuse the fields of a document that are not known."""
    for name in document:
        if name not in known:
            raise location(40415, f"BSON field '{path}.{name}' is an unknown field.")


def _wrong_type(path: str, value: Any, expected: str) -> CommandError:
    found = type_name(value)
    return type_mismatch(
        f"BSON field '{path}' is the wrong type '{found}', expected type '{expected}'"
    )


def _check_name(stage: str, name: str) -> None:
    rule = f"{stage} pipeline names must follow the naming rules of field path expressions."
    try:
        check_field_path(name)
    except CommandError as error:
        message = f"{rule} :: caused by :: {error.message}"
        raise CommandError(error.code, error.code_name, message) from error
    if "." in name:
        raise location(
            40412, f"{rule} :: caused by :: FieldPath field names may not contain '.'. "
            "Consider using $getField or $setField."
        )  # fmt: skip


def _check_pipeline(rules: Rules, pipeline: Sequence[Any]) -> None:
    stage, wanted = rules.stage, rules.wanted
    empty, nested, unfit, changing = rules.codes
    parts = [stage_parts(one) for one in pipeline]
    check_stage_names(parts)
    if not parts:
        raise location(empty, f"{stage} input pipeline cannot be empty. {wanted}")
    names = [name for name, _ in parts]
    if not _FUSIONS.isdisjoint(names):
        raise location(
            nested,
            f"{stage} input pipeline has a nested hybrid search stage "
            f"($rankFusion/$scoreFusion). {wanted}",
        )
    fault = rules.fault(names)
    if fault is not None:
        raise location(unfit, fault)
    for name, operand in parts:
        _check_selects(changing, name, operand)


def _check_selects(code: int, name: str, operand: Any) -> None:
    only = "Only stages that retrieve, limit, or order documents are allowed."
    if name not in _SELECTING:
        reason = "is not a selection stage because it modifies or transforms the input documents."
        raise location(code, f"{name} {reason} {only}")
    if name == "$search" and isinstance(operand, Mapping) and operand.get("returnStoredSource"):
        reason = (
            "is only a selection stage if 'returnStoredSource' is false because it modifies the "
            "output fields."
        )
        raise location(code, f"{name} {reason} {only}")


def _checked_weights(
    stage: str, weights: Mapping[str, Any], pipelines: Mapping[str, Pipeline]
) -> dict[str, float]:
    checked: dict[str, float] = {}
    for name, weight in weights.items():
        if name not in pipelines:
            continue
        if not is_number(weight):
            raise _wrong_type(f"{stage}.combination.weights.{name}", weight, "number")
        checked[name] = float(str(weight))  # a Decimal128 knows no float
        if not checked[name] >= 0:
            raise location(
                9460300,
                f"{stage.removeprefix('$')}'s pipeline weight must be non-negative, but given "
                f"{checked[name]:g} for pipeline '{name}'.",
            )
    _refuse_unknown_weights(stage, weights, pipelines)
    return checked


def _refuse_unknown_weights(
    stage: str, weights: Mapping[str, Any], pipelines: Mapping[str, Pipeline]
) -> None:
    unknown = [name for name in weights if name not in pipelines]
    if len(weights) > len(pipelines):
        raise location(
            9460301,
            f"{stage} input has more weights ({len(weights)}) than pipelines ({len(pipelines)}). "
            "If 'combination.weights' is specified, there must be a less or equal number of "
            "weights as pipelines, each of which is unique and existing. "
            f"Possible extraneous specified weights = [{', '.join(unknown)}]",
        )
    if unknown:
        without = sorted(pipelines.keys() - weights.keys())
        hints = (
            f"suggested: '{without[0]}'" if len(without) == 1
            else f"suggestions: [{', '.join(without)}]"
        )  # fmt: skip
        shown = ", ".join(f"(provided: '{name}' -> {hints})" for name in unknown)
        raise location(
            9967500,
            f"{stage} stage contained ({len(unknown)}) weight(s) in 'combination.weights' that did "
            f"not reference valid pipeline names. Suggestions for valid pipeline names: {shown}",
        )
