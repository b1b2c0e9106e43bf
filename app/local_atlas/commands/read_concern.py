"""`readConcern`: which levels there are, and which stages take which.

Here is one node, where what is read is committed and on disk: the levels do not differ, but
for `snapshot`, which `snapshot_reads.py` is about.
https://www.mongodb.com/docs/manual/reference/read-concern/
"""

from typing import Any, Final

from ..errors import NOT_EMULATED, CommandError
from ..mql.pipelines import LAST_STAGES, SEARCH_STAGES
from .fields import document_field, wrong_type
from .transactions import is_of_transaction

Document = dict[str, Any]

_LEVELS: Final = frozenset({"local", "available", "majority", "linearizable", "snapshot"})


def check_read_concern(body: Document) -> None:
    """Refuse a read concern that there is not, or that what is asked cannot have.

    Raises:
        CommandError: 14, 72; 263 for a search in a transaction.
    """
    stage = _search_stage(body)
    if is_of_transaction(body):
        if stage is not None:
            raise CommandError(
                263,
                "OperationNotSupportedInTransaction",
                "Operation not permitted in transaction :: caused by :: Aggregation stage "
                f"{stage} cannot run within a multi-document transaction.",
            )
        return
    level = document_field(body, "readConcern").get("level", "local")
    if not isinstance(level, str):
        raise wrong_type({"readConcern": 1}, "level", level, "string")
    if level not in _LEVELS:
        raise CommandError(72, "InvalidOptions", f"readConcern level {level!r} {NOT_EMULATED}")
    if stage is not None and level != "local":
        raise CommandError(
            72,
            "InvalidOptions",
            f"Aggregation stage {stage} cannot run with a readConcern other than 'local'. "
            f"Current readConcern: {level}",
        )
    if level == "linearizable" and (last := _output_stage(body)) is not None:
        message = f"{last} cannot be used with a 'linearizable' read concern level"
        raise CommandError(72, "InvalidOptions", message)


def _output_stage(body: Document) -> str | None:
    """Return the stage that writes what an aggregate finds; None without."""
    pipeline = body.get("pipeline")
    last = pipeline[-1] if isinstance(pipeline, list) and pipeline else None
    name = next(iter(last), None) if isinstance(last, dict) else None
    return name if name in LAST_STAGES else None


def _search_stage(body: Document) -> str | None:
    """Return the search stage that an aggregate, or a pipeline inside it, has; None without."""
    pipeline = body.get("pipeline")
    stages = (
        [stage for stage in pipeline if isinstance(stage, dict)]
        if isinstance(pipeline, list)
        else []
    )
    for name, spec in (item for stage in stages for item in stage.items()):
        if name in SEARCH_STAGES:
            return str(name)
        for inner in _inner_pipelines(name, spec):
            if (found := _search_stage(inner)) is not None:
                return found
    return None


def _inner_pipelines(stage: str, spec: Any) -> list[Document]:
    """Return the pipelines inside of a stage, each as the `pipeline` of a document."""
    if not isinstance(spec, dict):
        return []
    if stage in ("$lookup", "$unionWith"):
        return [spec]
    fused = spec.get("input") if stage in ("$rankFusion", "$scoreFusion") else None
    pipelines = fused.get("pipelines") if isinstance(fused, dict) else None
    return [{"pipeline": one} for one in pipelines.values()] if isinstance(pipelines, dict) else []
