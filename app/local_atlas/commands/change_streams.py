"""Opens change streams: aggregates whose pipeline begins with `$changeStream`.

https://www.mongodb.com/docs/manual/changeStreams/
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ..changes.change_log import CLUSTER
from ..changes.change_stream import ChangeStream, Transform
from ..changes.stream_request import StreamRequest, parse_stream_request
from ..changes.watched import Watched
from ..environment import StoreEnvironment
from ..errors import CommandError
from ..mql.bson_order import sort_key
from ..mql.expression_compiler import Scope
from ..mql.operators.support import location
from ..mql.pipelines import (
    SOURCES,
    STAGES,
    Source,
    Stage,
    StageScope,
    check_stage_names,
    compile_pipeline,
)
from ..mql.transforms import stage_parts
from ..namespaces import is_internal_database, is_system_collection
from ..views import refuse_view
from .fields import document_field, non_negative_field
from .table import CommandContext

Document = dict[str, Any]

STAGE: Final = "$changeStream"
_SPLIT: Final = "$changeStreamSplitLargeEvent"
# Those that make one event of one event, or leave it out.
_PERMITTED: Final = frozenset({
    "$addFields", "$match", "$project", "$redact", "$replaceRoot", "$replaceWith", "$set",
    "$unset",
})  # fmt: skip


def is_change_stream(pipeline: Sequence[Any]) -> bool:
    """Tell whether a pipeline asks for a change stream."""
    return bool(pipeline) and isinstance(pipeline[0], dict) and STAGE in pipeline[0]


def open_change_stream(
    context: CommandContext,
    body: Document,
    *,
    collection: str | None,
    environment: StoreEnvironment,
) -> Document:
    """Return the `cursor` field of the reply to an aggregate that opens a change stream.

    Args:
        context: of the command.
        body: the command.
        collection: its name; None for a stream of a database or of all.
        environment: of the command.

    Raises:
        CommandError: 73 or 72, nothing can be watched there; 20, a stage cannot follow; and see
            `parse_stream_request`, `ChangeLog.place_of` and `compile_pipeline`.
    """
    _check_read_concern(body)
    first, *rest = body["pipeline"]
    _, operand = stage_parts(first)
    splits = _ends_with_split(rest)
    request = replace(parse_stream_request(operand), splits=splits)
    watched = _watched(context, request, collection)
    transform = _compiled(rest[:-1] if splits else rest, environment)
    place = context.store.watch(watched.database)
    log = context.store.change_log
    if request.token is not None:
        place = log.place_of(watched.database, request.token)
    elif request.start_time is not None:
        place = log.place_before(watched.database, request.start_time)
    stream = ChangeStream(
        log,
        watched,
        request,
        place=place,
        transform=transform,
        find=lambda *key: _find(context, *key),
    )
    batch_size = non_negative_field(document_field(body, "cursor"), "batchSize")
    return context.cursors.open(stream, batch_size)


def _check_read_concern(body: Document) -> None:
    level = document_field(body, "readConcern").get("level", "majority")
    if level != "majority":
        raise CommandError(
            72,
            "InvalidOptions",
            f"Aggregation stage {STAGE} requires read concern 'majority' but found '{level}'",
        )


def _watched(context: CommandContext, request: StreamRequest, collection: str | None) -> Watched:
    database = context.database
    if request.is_for_cluster:
        if database != "admin" or collection is not None:
            raise CommandError(
                72,
                "InvalidOptions",
                "A $changeStream with 'allChangesForCluster:true' may only be opened on the "
                "'admin' database, and with no collection name; found "
                f"{database}.{collection or '$cmd.aggregate'}",
            )
        return Watched(CLUSTER, None)
    if is_internal_database(database):
        message = f"$changeStream may not be opened on the internal {database} database"
        raise CommandError(73, "InvalidNamespace", message)
    if collection is not None and is_system_collection(collection):
        message = (
            f"$changeStream may not be opened on the internal {database}.{collection} collection"
        )
        raise CommandError(73, "InvalidNamespace", message)
    watched = None if collection is None else context.store.collection(database, collection)
    if watched is not None:
        refuse_view(watched.namespace, watched.options)
    return Watched(database, collection)


def _ends_with_split(stages: Sequence[Any]) -> bool:
    """Tell whether events that are too large are to be split, which the last stage says."""
    for position, (name, operand) in enumerate(map(stage_parts, stages), start=1):
        if name != _SPLIT:
            continue
        if operand != {}:
            raise location(7182800, f"{_SPLIT} spec should be an empty object")
        if position < len(stages):
            raise location(7182802, f"{_SPLIT} must be the last stage in the pipeline")
        return True
    return False


def _compiled(stages: Sequence[Any], environment: StoreEnvironment) -> Transform:
    """Return what the stages behind `$changeStream` make of one event."""
    parts = [stage_parts(each) for each in stages]
    check_stage_names(parts)
    for name, _ in parts:
        if name not in _PERMITTED:
            message = f"{name} is not permitted in a $changeStream pipeline"
            raise CommandError(20, "IllegalOperation", message)
    if not parts:
        return lambda row: row
    variables = environment.variables
    # As in $facet, the first stage gets rows and reads no collection.
    scope = StageScope(Scope(frozenset(variables), metadata=frozenset()), is_in_facet=True)
    pipeline = compile_pipeline(stages, scope)
    return lambda row: next(pipeline.run_on(iter([row]), environment, variables), None)


def _find(context: CommandContext, database: str, name: str, identity: Any) -> bytes | None:
    collection = context.store.collection(database, name)
    if collection is None:
        return None
    key = sort_key(identity)
    found = collection.records.by_id_keys(collection.read, [key])
    return found[key][1] if key in found else None


def _refused(operand: Any, scope: StageScope) -> Source:
    """Refuse the stage in a pipeline that another one holds."""
    raise location(51047, f"{STAGE} is not allowed within another stage's pipeline")


def _refused_split(name: str, operand: Any, scope: StageScope) -> Stage:
    """Refuse the stage in a pipeline that does not begin with `$changeStream`."""
    raise location(7182801, f"{name} can only be used in a $changeStream pipeline")


SOURCES[STAGE] = _refused
STAGES[_SPLIT] = _refused_split
