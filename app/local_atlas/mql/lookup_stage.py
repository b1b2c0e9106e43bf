"""`$lookup`: for each row the documents of another collection that belong to it.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/lookup/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import bson
from bson import Regex

from ..errors import failed_to_parse
from .bson_order import sort_key
from .bson_text import render, render_field
from .bson_types import is_string, type_name
from .conditions import is_operator_document
from .expression_compiler import Evaluate, Variables, check_field_path, check_variable_name
from .expressions import compile_expression
from .operators.support import location
from .paths import MISSING, Document, compile_leaves_at, compile_values_at, with_value
from .pipelines import (
    NEEDS_NO_COLLECTION,
    SEARCH_STAGES,
    SOURCES,
    Environment,
    Pipeline,
    Stage,
    StageScope,
    compile_pipeline,
    refuse_last_stages,
    stage,
)
from .rows import CODEC, Row

_LOOKUP_STRINGS: Final = ("from", "as", "localField", "foreignField")
HASH_AFTER: Final = 16  # so many look-ups ask the collection; after them all of it is hashed once
_MAX_FOUND_BYTES: Final = 100 * 1024 * 1024  # internalLookupStageIntermediateDocumentMaxSizeBytes


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A compiled `$lookup`.

    Attributes:
        collection: the other collection; None where the pipeline begins with `$documents`.
        output: where the found documents go.
        fields: local and foreign path; None without them.
        let: the values of the pipeline's variables.
        pipeline: what the other documents go through; None without one.
        has_source: the pipeline begins with a search stage or `$documents`.
    """

    collection: str | None
    output: str
    fields: tuple[str, str] | None
    let: Mapping[str, Evaluate]
    pipeline: Pipeline | None
    has_source: bool


@stage("$lookup")
def _lookup(name: str, operand: Any, scope: StageScope) -> Stage:
    if not isinstance(operand, Mapping):
        message = (
            f"the $lookup stage specification must be an object, but found {type_name(operand)}"
        )
        raise failed_to_parse(message)
    _check_lookup_options(operand)
    pipeline = operand.get("pipeline")
    start = first_stage_name(pipeline)
    has_source = start in SEARCH_STAGES or start in SOURCES
    if "from" not in operand and start not in NEEDS_NO_COLLECTION:
        shown = render(dict(operand))
        raise failed_to_parse(f"missing 'from' option to $lookup stage specification: {shown}")
    let = _compile_let(operand.get("let", {}), scope)
    fields = _lookup_fields(operand, has_pipeline=pipeline is not None)
    inner = scope.of_sub_pipeline()
    inner = replace(inner, expressions=inner.expressions.with_variables(*let))
    compiled = None
    if pipeline is not None:
        refuse_last_stages(pipeline, "$lookup", 51047)
        # An empty $match takes the place of what a collection could answer itself: the rows come
        # from the comparison of the fields.
        stages = pipeline if fields is None or has_source else [{"$match": {}}, *pipeline]
        compiled = compile_pipeline(stages, inner)
    spec = _Lookup(operand.get("from"), operand["as"], fields, let, compiled, has_source)
    return partial(_run_lookup, spec)


def _check_lookup_options(operand: Mapping[str, Any]) -> None:
    for option, value in operand.items():
        if option in _LOOKUP_STRINGS:
            if not is_string(value):
                raise failed_to_parse(
                    f"$lookup argument '{render_field(option, value)}' must be a string, is type "
                    f"{type_name(value)}"
                )
        elif option == "let":
            if not isinstance(value, Mapping):
                raise failed_to_parse(
                    f"$lookup argument '{render_field(option, value)}' must be an object, is type "
                    f"{type_name(value)}"
                )
        elif option == "pipeline":
            if not isinstance(value, list):
                raise failed_to_parse("'pipeline' option must be specified as an array")
        else:
            raise failed_to_parse(f"unknown argument to $lookup: {option}")
    if "as" not in operand:
        raise failed_to_parse("must specify 'as' field for a $lookup")
    check_field_path(operand["as"])


def _lookup_fields(operand: Mapping[str, Any], *, has_pipeline: bool) -> tuple[str, str] | None:
    has_local, has_foreign = "localField" in operand, "foreignField" in operand
    if has_local != has_foreign:
        raise failed_to_parse(
            "$lookup requires both or neither of 'localField' and 'foreignField' to be specified"
        )
    if not has_local:
        if not has_pipeline:
            raise failed_to_parse(
                "$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to be "
                "specified"
            )
        return None
    for option in ("localField", "foreignField"):
        check_field_path(operand[option])
    return operand["localField"], operand["foreignField"]


def _compile_let(operand: Mapping[str, Any], scope: StageScope) -> dict[str, Evaluate]:
    for name in operand:
        check_variable_name(name)
    # What hides `$$SEARCH_META` from later stages does not hide it here.
    expressions = replace(scope.expressions, is_behind_pipeline=False)
    return {name: compile_expression(each, expressions) for name, each in operand.items()}


def first_stage_name(pipeline: Any) -> str | None:
    """Return the name of a pipeline's first stage, None where there is none."""
    first = pipeline[0] if isinstance(pipeline, list) and pipeline else None
    return next(iter(first), None) if isinstance(first, Mapping) else None


def _run_lookup(
    spec: _Lookup, rows: Iterator[Row], environment: Environment, variables: Variables
) -> Iterator[Row]:
    other = environment if spec.collection is None else environment.on(spec.collection)
    find = _uncorrelated(spec, other) if _is_uncorrelated(spec) else _correlated(spec, other)
    for row in rows:
        environment.check_time()
        document = with_value(row.document, spec.output, find(row, variables))
        yield row.with_document(document)


def _is_uncorrelated(spec: _Lookup) -> bool:
    return spec.fields is None and not spec.let


def _uncorrelated(spec: _Lookup, other: Environment) -> Any:
    """Return a look-up that finds the same for every row, and runs once."""
    found: list[list[Document]] = []

    def find(row: Row, variables: Variables) -> list[Document]:
        if not found:
            assert spec.pipeline is not None
            found.append(_collected(spec.pipeline.run(other, variables)))
        return found[0]

    return find


def _correlated(spec: _Lookup, other: Environment) -> Any:
    """Return a look-up that depends on the row."""
    foreign = None if spec.fields is None else _ForeignRows(other, spec.fields[1])
    local_values = None if spec.fields is None else _compile_local_values(spec.fields[0])

    def find(row: Row, variables: Variables) -> list[Document]:
        bound = {name: evaluate(row, variables) for name, evaluate in spec.let.items()}
        inner = {**variables, **bound} if bound else variables
        if foreign is None or local_values is None:
            assert spec.pipeline is not None
            rows = spec.pipeline.run(other, inner)
        elif spec.pipeline is None:
            rows = iter(foreign.matching(local_values(row.document)))
        else:
            values = local_values(row.document)
            if spec.has_source:
                found = foreign.only_matching(spec.pipeline.open(other, inner), values)
            else:
                found = iter(foreign.matching(values))
            rows = spec.pipeline.run_on(found, other, inner)
        return _collected(rows)

    return find


def _collected(rows: Iterator[Row]) -> list[Document]:
    size_bytes = 0
    found: list[Document] = []
    for row in rows:
        raw = row.raw if row.raw is not None else bson.encode(row.document, codec_options=CODEC)
        size_bytes += len(raw)
        if size_bytes > _MAX_FOUND_BYTES:
            raise location(
                4568,
                "Total size of documents matching the pipeline of a $lookup stage exceeds "
                f"{_MAX_FOUND_BYTES} bytes",
            )
        found.append(row.document)
    return found


def _compile_local_values(path: str) -> Any:
    """Return the values that a foreign field is compared with: an array's elements, null."""
    leaves_of = compile_leaves_at(path)

    def values(document: Document) -> list[Any]:
        found: list[Any] = []
        for leaf in leaves_of(document):
            found += leaf if isinstance(leaf, list) else [None if leaf is MISSING else leaf]
        return found

    return values


class _ForeignRows:
    """The documents of the other collection by the values of one field."""

    def __init__(self, environment: Environment, path: str) -> None:
        self._environment = environment
        self._path = path
        self._values_of = compile_values_at(path)
        self._lookups = 0
        self._rows: list[Row] = []
        self._places: dict[bytes, list[int]] | None = None

    def matching(self, values: list[Any]) -> list[Row]:
        """Return the documents whose field equals one of the values, in natural order."""
        self._lookups += 1
        if self._places is None and self._lookups <= HASH_AFTER and _can_be_queried(values):
            return list(self._environment.rows({self._path: {"$in": values}}))
        places = self._hashed()
        found = {place for value in values for place in places.get(sort_key(value), ())}
        return [self._rows[place] for place in sorted(found)]

    def only_matching(self, rows: Iterator[Row], values: list[Any]) -> Iterator[Row]:
        """Return those of the rows whose field equals one of the values."""
        wanted = frozenset(map(sort_key, values))
        return (row for row in rows if not wanted.isdisjoint(self._keys(row)))

    def _keys(self, row: Row) -> frozenset[bytes]:
        return frozenset(map(sort_key, self._values_of(row.document)))

    def _hashed(self) -> dict[bytes, list[int]]:
        if self._places is None:
            self._rows = list(self._environment.rows(None))
            self._places = {}
            for place, row in enumerate(self._rows):
                for key in self._keys(row):
                    self._places.setdefault(key, []).append(place)
        return self._places


def _can_be_queried(values: list[Any]) -> bool:
    """Tell whether `$in` takes all values literally."""
    return not any(isinstance(value, Regex) or is_operator_document(value) for value in values)
