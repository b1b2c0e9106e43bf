"""Stages that hold pipelines of their own: `$unionWith` and `$facet`.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/facet/
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import bad_value, failed_to_parse, type_mismatch
from .bson_types import is_string, type_name
from .expression_compiler import Variables, check_field_path
from .lookup_stage import first_stage_name
from .operators.support import location
from .paths import Document
from .pipelines import (
    NEEDS_NO_COLLECTION,
    Environment,
    Pipeline,
    Stage,
    StageScope,
    compile_pipeline,
    refuse_last_stages,
    stage,
)
from .rows import Row


@stage("$unionWith")
def _union_with(name: str, operand: Any, scope: StageScope) -> Stage:
    if not (is_string(operand) or isinstance(operand, Mapping)):
        raise failed_to_parse(
            "the $unionWith stage specification must be an object or string, but found "
            f"{type_name(operand)}"
        )
    options = {"coll": operand} if is_string(operand) else operand
    for option in options:
        if option not in {"coll", "pipeline"}:
            raise location(40415, f"BSON field '$unionWith.{option}' is an unknown field.")
    collection, pipeline = options.get("coll"), options.get("pipeline", [])
    if not isinstance(pipeline, list):
        raise failed_to_parse("'pipeline' option must be specified as an array")
    if collection is not None and not is_string(collection):
        raise type_mismatch(
            f"BSON field '$unionWith.coll' is the wrong type '{type_name(collection)}', expected "
            "type 'string'"
        )
    if collection is None and first_stage_name(pipeline) not in NEEDS_NO_COLLECTION:
        raise failed_to_parse(
            "$unionWith stage without explicit collection must have a pipeline with $documents as "
            "first stage"
        )
    refuse_last_stages(pipeline, "$unionWith", 31441)
    compiled = compile_pipeline(pipeline, scope.of_sub_pipeline())

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        yield from rows
        other = environment if collection is None else environment.on(collection)
        yield from compiled.run(other, variables)

    return run


@stage("$facet", starts_anew=True)
def _facet(name: str, operand: Any, scope: StageScope) -> Stage:
    if not isinstance(operand, Mapping) or not operand:
        raise location(40169, "the $facet specification must be a non-empty object")
    inner = replace(scope, is_in_facet=True)
    facets: dict[str, Pipeline] = {}
    for field, pipeline in operand.items():
        check_field_path(field)
        if "." in field:
            raise location(40412, "FieldPath field names may not contain '.'.")
        if not isinstance(pipeline, list):
            kind = type_name(pipeline)
            raise location(40170, f"arguments to $facet must be arrays, {field} is type {kind}")
        if not pipeline:
            raise bad_value("sub-pipeline in $facet stage cannot be empty")
        facets[field] = compile_pipeline(pipeline, inner)

    def run(rows: Iterator[Row], environment: Environment, variables: Variables) -> Iterator[Row]:
        shared = list(rows)
        document: Document = {}
        for field, pipeline in facets.items():
            found = pipeline.run_on(iter(shared), environment, variables)
            document[field] = [row.document for row in found]
        yield Row(document=document)

    return run
