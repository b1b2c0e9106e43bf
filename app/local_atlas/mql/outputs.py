"""Specifications of `$out` and `$merge`, parsed: where they write, and what becomes of matches.

Whether they fit what is stored is for the environment to say, which also writes.
https://www.mongodb.com/docs/manual/reference/operator/aggregation/merge/
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import NOT_EMULATED, bad_value, type_mismatch
from .bson_types import is_string, type_name
from .expression_compiler import check_field_path
from .operators.support import location
from .rows import Row
from .transforms import stage_parts

Document = dict[str, Any]
Write = Callable[[Iterator[Row]], None]
"""Reads all rows, then writes them."""

_REPLACE, _KEEP, _MERGE, _FAIL, _PIPELINE = "replace", "keepExisting", "merge", "fail", "pipeline"
_INSERT, _DISCARD = "insert", "discard"
_MATCHED_MODES: Final = (_REPLACE, _KEEP, _MERGE, _FAIL)
_UNMATCHED_MODES: Final = (_INSERT, _DISCARD, _FAIL)
_ONLY_INSERTING: Final = frozenset({_KEEP, _FAIL})  # what goes with `insert` alone
_MERGE_FIELDS: Final = frozenset({"into", "on", "let", "whenMatched", "whenNotMatched"})


@dataclass(frozen=True, slots=True)
class Target:
    """A collection that is written to; `database` is None for that of the pipeline."""

    database: str | None
    collection: str


@dataclass(frozen=True, slots=True)
class Merge:
    """A parsed `$merge`.

    Attributes:
        target: where to.
        on: the paths that tell which stored document a result matches, without `on` that of `_id`.
        let: the variables of the pipeline, unparsed; None where there were none.
        when_matched: `replace`, `keepExisting`, `merge`, `fail` or `pipeline`.
        pipeline: what changes a document that is matched, where that is the mode.
        when_not_matched: `insert`, `discard` or `fail`.
    """

    target: Target
    on: tuple[str, ...]
    let: Mapping[str, Any] | None
    when_matched: str
    pipeline: tuple[Document, ...]
    when_not_matched: str

    @property
    def inserts(self) -> bool:
        """Whether a result that matches nothing is stored."""
        return self.when_not_matched == _INSERT


def parse_out(operand: Any) -> Target:
    """Parse the specification of `$out`.

    Raises:
        CommandError: 16990 for what is neither a string nor an object, 40414 and 40415 for fields
            that are missing or unknown, 14 for those of a wrong type.
    """
    if is_string(operand):
        return Target(None, operand)
    if not isinstance(operand, Mapping):
        kind = type_name(operand)
        message = f"$out only supports a string or object argument, but found {kind}"
        raise location(16990, message)
    if "timeseries" in operand:
        message = f"BSON field '$out.timeseries' is an unknown field. {NOT_EMULATED}"
        raise location(40415, message)
    _refuse_unknown("$out", operand, frozenset({"db", "coll"}))
    names = [_string("$out", operand, field, is_required=True) for field in ("db", "coll")]
    return Target(names[0], names[1] or "")


def parse_merge(operand: Any) -> Merge:
    """Parse the specification of `$merge`.

    Raises:
        CommandError: 14, 40414, 40415 and the numbered ones of each field; 51181 for modes that do
            not go together, 51199 and 51273 for variables that may not be.
    """
    if not (is_string(operand) or isinstance(operand, Mapping)):
        kind = type_name(operand)
        raise type_mismatch(f"$merge requires a string or object argument, but found {kind}")
    given = {"into": operand} if is_string(operand) else operand
    _refuse_unknown("$merge", given, _MERGE_FIELDS)
    if "into" not in given:
        raise location(40414, "BSON field '$merge.into' is missing but a required field")
    target = _parse_into(given["into"])
    matched, pipeline = _parse_when_matched(given.get("whenMatched", _MERGE))
    unmatched = _string("$merge", given, "whenNotMatched") or _INSERT
    if unmatched not in _UNMATCHED_MODES:
        raise _bad_mode("$merge.whenNotMatched", unmatched)
    if matched in _ONLY_INSERTING and unmatched != _INSERT:
        raise location(
            51181,
            f"Combination of $merge modes 'whenMatched: {matched}' and 'whenNotMatched: "
            f"{unmatched}' is not supported",
        )
    let = _parse_let(given.get("let"), matched)
    return Merge(target, _parse_on(given.get("on", "_id")), let, matched, pipeline, unmatched)


def _parse_into(into: Any) -> Target:
    if not (is_string(into) or isinstance(into, Mapping)):
        raise location(
            51178,
            "$merge 'into' field  must be either a string or an object, but found "
            f"{type_name(into)}",
        )
    if is_string(into):
        if not into:
            raise location(5786800, "$merge 'into' field cannot be an empty string")
        return Target(None, into)
    _refuse_unknown("into", into, frozenset({"db", "coll"}))
    collection = _string("into", into, "coll")
    if not collection:
        message = "$merge 'into' field must specify a 'coll' that is not empty, null or undefined"
        raise location(5786801, message)
    return Target(_string("into", into, "db"), collection)


def _parse_on(on: Any) -> tuple[str, ...]:
    if not (is_string(on) or isinstance(on, list)):
        raise location(
            51186,
            "$merge 'on' field  must be either a string or an array of strings, but found "
            f"{type_name(on)}",
        )
    paths = [on] if is_string(on) else on
    for path in paths:
        if not is_string(path):
            kind = type_name(path)
            message = f"$merge 'on' array elements must be strings, but found {kind}"
            raise location(51134, message)
    if not paths:
        message = "If explicitly specifying $merge 'on', must include at least one field"
        raise location(51187, message)
    for place, path in enumerate(paths):
        check_field_path(path)
        if path in paths[:place]:
            raise location(31465, f"Found a duplicate field '{path}'")
    return tuple(paths)


def _parse_when_matched(mode: Any) -> tuple[str, tuple[Document, ...]]:
    if isinstance(mode, list):
        for each in mode:
            stage_parts(each)
        return _PIPELINE, tuple(mode)
    if not is_string(mode):
        raise location(
            51191,
            "$merge 'whenMatched' field  must be either a string or an array, but found "
            f"{type_name(mode)}",
        )
    if mode not in _MATCHED_MODES:
        raise _bad_mode("whenMatched", mode)
    return mode, ()


def _parse_let(let: Any, when_matched: str) -> Mapping[str, Any] | None:
    if let is None:
        return None
    if not isinstance(let, Mapping):
        raise _wrong_type("$merge.let", let, "object")
    if when_matched != _PIPELINE:
        message = f"Cannot use 'let' variables with 'whenMatched: {when_matched}' mode"
        raise location(51199, message)
    if let.get("new", "$$ROOT") != "$$ROOT":
        raise location(
            51273,
            "'let' may not define a value for the reserved 'new' variable other than '$$ROOT'",
        )
    return let


def _refuse_unknown(where: str, given: Mapping[str, Any], known: frozenset[str]) -> None:
    for field in given:
        if field not in known:
            raise location(40415, f"BSON field '{where}.{field}' is an unknown field.")


def _string(
    where: str, given: Mapping[str, Any], field: str, *, is_required: bool = False
) -> str | None:
    value = given.get(field)
    if value is None:
        if is_required:
            message = f"BSON field '{where}.{field}' is missing but a required field"
            raise location(40414, message)
        return None
    if not is_string(value):
        raise _wrong_type(f"{where}.{field}", value, "string")
    return str(value)


def _wrong_type(where: str, value: Any, expected: str) -> Exception:
    return type_mismatch(
        f"BSON field '{where}' is the wrong type '{type_name(value)}', expected type '{expected}'"
    )


def _bad_mode(where: str, mode: str) -> Exception:
    return bad_value(f"Enumeration value '{mode}' for field '{where}' is not a valid value.")
