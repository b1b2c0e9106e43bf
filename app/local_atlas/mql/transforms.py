"""The stages that turn one document into one document; pipelines and updates share them.

`$project`, `$addFields`, `$set`, `$unset`, `$replaceRoot`, `$replaceWith`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..errors import CommandError
from ..mongodb_names import unknown_stage
from .bson_text import render
from .bson_types import is_string, type_name
from .expression_compiler import Scope, Variables
from .expressions import compile_expression
from .operators.support import location
from .paths import as_document
from .projection import (
    Projection,
    compile_add_fields,
    compile_find_projection,
    compile_project_stage,
)
from .rows import Row

Transform = Callable[[Row, Variables], Row]
CompileTransform = Callable[[str, Any, Scope], Transform]


def compile_update_pipeline(pipeline: Sequence[Any], scope: Scope) -> Transform:
    """Compile the pipeline of an update.

    Raises:
        CommandError: 72 for a stage that an update may not use, 40324 for an unknown one.
    """
    transforms = []
    for stage in pipeline:
        name, operand = stage_parts(stage)
        if name not in TRANSFORMS:
            if name in _NOT_IN_UPDATES:
                message = f"{name} is not allowed to be used within an update"
                raise CommandError(72, "InvalidOptions", message)
            raise unknown_stage(name)
        transforms.append(TRANSFORMS[name](name, operand, scope))

    def transform(row: Row, variables: Variables) -> Row:
        for each in transforms:
            row = each(row, variables)
        return row

    return transform


def stage_parts(stage: Any) -> tuple[str, Any]:
    """Return the name and the specification of a pipeline's stage.

    Raises:
        CommandError: 14 where it is no document, 40323 where it has not exactly one field.
    """
    if not isinstance(stage, Mapping):
        message = "Each element of the 'pipeline' array must be an object"
        raise CommandError(14, "TypeMismatch", message)
    if len(stage) != 1:
        raise CommandError(
            40323,
            "Location40323",
            "A pipeline stage specification object must contain exactly one field.",
        )
    ((name, operand),) = stage.items()
    return name, operand


def _project(name: str, operand: Any, scope: Scope) -> Transform:
    return _projecting(compile_project_stage(operand, scope))


def _add_fields(name: str, operand: Any, scope: Scope) -> Transform:
    return _projecting(compile_add_fields(name, operand, scope))


def _unset(name: str, operand: Any, scope: Scope) -> Transform:
    paths = operand if isinstance(operand, list) else [operand]
    if not isinstance(operand, str | list):
        message = "$unset specification must be a string or an array"
        raise CommandError(31002, "Location31002", message)
    if not paths:
        message = "$unset specification must be a string or an array with at least one field"
        raise CommandError(31119, "Location31119", message)
    for path in paths:
        if not is_string(path):
            message = "$unset specification must be a string or an array containing only strings"
            raise CommandError(31120, "Location31120", message)
        if path.startswith("$"):
            raise CommandError(
                16410,
                "Location16410",
                "Invalid $unset :: caused by :: FieldPath field names may not start with '$'. "
                "Consider using $getField or $setField.",
            )
    return _projecting(compile_find_projection(dict.fromkeys(paths, 0), scope=scope))


def _projecting(project: Projection) -> Transform:
    return lambda row, variables: row.with_document(project(row, variables))


def _replace_root(name: str, operand: Any, scope: Scope) -> Transform:
    if not isinstance(operand, Mapping):
        raise CommandError(
            40229,
            "Location40229",
            f"expected an object as specification for $replaceRoot stage, got {type_name(operand)}",
        )
    for field in operand:
        if field != "newRoot":
            message = f"BSON field '$replaceRoot.{field}' is an unknown field."
            raise location(40415, message)
    if "newRoot" not in operand:
        message = "BSON field '$replaceRoot.newRoot' is missing but a required field"
        raise location(40414, message)
    return _replacing("'newRoot' expression ", operand["newRoot"], scope)


def _replace_with(name: str, operand: Any, scope: Scope) -> Transform:
    return _replacing("'replacement document' ", operand, scope)


def _replacing(role: str, expression: Any, scope: Scope) -> Transform:
    evaluate = compile_expression(expression, scope)

    def transform(row: Row, variables: Variables) -> Row:
        value = evaluate(row, variables)
        document = as_document(value)
        if document is None:
            raise CommandError(
                40228,
                "Location40228",
                f"{role}must evaluate to an object, but resulting value was: "
                f"{render_value(value)}. Type of resulting value: '{type_name(value)}'. "
                f"Input document: {render(row.document)}",
            )
        return row.with_document(document)

    return transform


def render_value(value: Any) -> str:
    """Return a value of an expression for an error text; a missing one by that name."""
    return "MISSING" if type_name(value) == "missing" else render(value)


TRANSFORMS: Final[dict[str, CompileTransform]] = {
    "$project": _project,
    "$addFields": _add_fields,
    "$set": _add_fields,
    "$unset": _unset,
    "$replaceRoot": _replace_root,
    "$replaceWith": _replace_with,
}
_NOT_IN_UPDATES: Final = frozenset(
    {"$match", "$group", "$sort", "$limit", "$skip", "$lookup", "$unwind", "$facet", "$count"}
    | {"$sample", "$unionWith", "$merge", "$out", "$sortByCount", "$bucket", "$documents"}
    | {"$setWindowFields"}
    | {"$search", "$searchMeta", "$vectorSearch", "$listSearchIndexes"}
    | {"$rankFusion", "$scoreFusion"}
)
