"""`$rankFusion`: the documents of several pipelines, those first that are high up in them.

Each pipeline gives a document `weight * (1 / (60 + rank))`. Documents that are equal in what a
pipeline sorts by, the score of its search or the keys of its last `$sort`, share a rank, as under
`$rank`: 1, 1, 3. Equal sums come in the order of `_id`.
https://www.mongodb.com/docs/manual/reference/operator/aggregation/rankFusion/
Source: https://github.com/mongodb/mongo, `document_source_rank_fusion.cpp`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .bson_order import sort_key
from .expression_compiler import Variables
from .fusion_inputs import Input, read_inputs, read_spec, refuse_unknown
from .metadata import score_of
from .pipelines import SOURCES, Environment, Pipeline, Sort, Source, StageScope
from .rows import Row

_STAGE: Final = "$rankFusion"
_WANTED: Final = (
    "All subpipelines to the $rankFusion stage must begin with one of $search, $vectorSearch, "
    "$geoNear, or have a custom $sort in the pipeline."
)
_DESCRIPTION: Final = (
    "value output by reciprocal rank fusion algorithm, computed as sum of (weight * (1 / "
    "(60 + rank))) across input pipelines from which this document is output, from:"
)
_RANK_CONSTANT: Final = 60


@dataclass(slots=True)
class _Found:
    """One document, with its rank in each pipeline that has it and its row of that."""

    ranks: dict[str, int] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)


def _rank_fusion(operand: Any, scope: StageScope) -> Source:
    spec = read_spec(_STAGE, operand)
    refuse_unknown(f"{_STAGE}.input", spec["input"], {"pipelines"})
    inputs = read_inputs(_STAGE, spec, _WANTED, scope)
    refuse_unknown(f"{_STAGE}.combination", spec.get("combination", {}), {"weights"})
    explains = spec.get("scoreDetails", False)

    def opened(environment: Environment, variables: Variables) -> Iterator[Row]:
        # What is wrong with a search is to fail the command, and not its first batch.
        started = [one.pipeline.run(environment, variables) for one in inputs]
        return _fused(inputs, started, environment, explains=explains)

    return Source(opened, frozenset({"score", "scoreDetails"} if explains else {"score"}))


def _fused(
    inputs: Sequence[Input],
    started: Sequence[Iterator[Row]],
    environment: Environment,
    *,
    explains: bool,
) -> Iterator[Row]:
    found: dict[bytes, _Found] = {}
    for one, rows in zip(inputs, started, strict=True):
        for rank, row in _ranked(one.pipeline, rows):
            document = found.setdefault(sort_key(row.document["_id"]), _Found())
            document.ranks[one.name], document.rows[one.name] = rank, row
        environment.check_time()
    scores = {key: _score(inputs, document) for key, document in found.items()}
    for key in sorted(found, key=lambda key: (-scores[key], key)):
        metadata: dict[str, Any] = {"score": scores[key]}
        if explains:
            metadata["scoreDetails"] = _details(inputs, found[key], scores[key])
        yield next(iter(found[key].rows.values())).with_metadata(metadata)


def _ranked(pipeline: Pipeline, rows: Iterator[Row]) -> Iterator[tuple[int, Row]]:
    key_of = _rank_key(pipeline)
    rank, previous = 0, None
    for position, row in enumerate(rows, 1):
        key = key_of(row)
        if rank == 0 or key != previous:
            rank, previous = position, key
        yield rank, row


def _rank_key(pipeline: Pipeline) -> Callable[[Row], Any]:
    """Return what makes documents of a pipeline equal in rank."""
    keys = [stage.key for stage in pipeline.stages if isinstance(stage, Sort)]
    return keys[-1] if keys else score_of


def _score(inputs: Sequence[Input], document: _Found) -> float:
    return sum(
        one.weight * (1 / (_RANK_CONSTANT + document.ranks[one.name]))
        for one in inputs
        if one.name in document.ranks
    )


def _details(inputs: Sequence[Input], document: _Found, score: float) -> dict[str, Any]:
    details: list[dict[str, Any]] = []
    for one in inputs:
        entry: dict[str, Any] = {
            "inputPipelineName": one.name,
            "rank": document.ranks.get(one.name, "NA"),
            "weight": one.weight,
        }
        if one.name in document.rows:
            own_score = score_of(document.rows[one.name])
            entry |= {} if own_score is None else {"value": own_score}
            entry["details"] = []
        details.append(entry)
    return {"value": score, "description": _DESCRIPTION, "details": details}


SOURCES[_STAGE] = _rank_fusion
