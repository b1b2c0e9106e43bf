"""The command aggregate: a pipeline over one collection, answered through a cursor."""

from collections.abc import Sequence
from typing import Any

from ..environment import StoreEnvironment
from ..errors import CommandError, failed_to_parse
from ..mql.collation import under
from ..mql.pipelines import NEEDS_NO_COLLECTION
from ..mql.stages import run_pipeline
from .change_streams import is_change_stream, open_change_stream
from .explain import explained
from .fields import (
    bool_field,
    collation_field,
    collection_name,
    document_field,
    let_variables,
    list_field,
    non_negative_field,
)
from .indexes import resolve_hint
from .table import CommandContext, command

Document = dict[str, Any]

_DATABASE_LEVEL = "$cmd.aggregate"  # stands for the collection where the pipeline needs none


@command(
    "aggregate",
    fields=(
        "pipeline", "cursor", "let", "hint", "collation", "explain", "allowDiskUse",
        "bypassDocumentValidation",
    ),
)  # fmt: skip
def aggregate(context: CommandContext, body: Document) -> Document:
    """Run a pipeline and return its documents through a cursor."""
    name = _DATABASE_LEVEL if body["aggregate"] == 1 else collection_name(body)
    if bool_field(body, "explain"):
        return explained(context, {key: body[key] for key in body if key != "explain"})
    if "cursor" not in body:
        raise failed_to_parse(
            "The 'cursor' option is required, except for aggregate with the explain argument"
        )
    hint = resolve_hint(context, name, body.get("hint"))
    batch_size = non_negative_field(document_field(body, "cursor"), "batchSize")
    collation = collation_field(body)
    variables = under(collation, let_variables(body))
    environment = StoreEnvironment(context, name, variables, hint=hint, collation=collation)
    pipeline = under(collation, list_field(body, "pipeline"))
    make_key = None if collation is None else collation.key
    if is_change_stream(pipeline):
        watched = None if name == _DATABASE_LEVEL else name
        cursor = open_change_stream(context, body, collection=watched, environment=environment)
        return {"cursor": cursor}
    rows = run_pipeline(pipeline, environment, make_key)
    if name == _DATABASE_LEVEL:
        _check_needs_no_collection(pipeline)
    namespace = f"{context.database}.{name}"
    cursor = context.cursors.first_batch(namespace, rows, batch_size)
    context.deadline_s = None  # maxTimeMS is not to run on while the client reads its batch
    return {"cursor": cursor}


def _check_needs_no_collection(pipeline: Sequence[Document]) -> None:
    stage = next(iter(pipeline[0])) if pipeline else None
    if stage is None:
        message = "{aggregate: 1} is not valid for an empty pipeline."
    elif stage not in NEEDS_NO_COLLECTION:
        message = f"{{aggregate: 1}} is not valid for '{stage}'; a collection is required."
    else:
        return
    raise CommandError(73, "InvalidNamespace", message)
