"""`$rankFusion`: the documents of several pipelines, those first that are high up in them.

Each pipeline gives a document `weight * (1 / (60 + rank))`. Documents that are equal in what a
pipeline sorts by, the score of its search or the keys of its last `$sort`, share a rank, as under
`$rank`: 1, 1, 3.
https://www.mongodb.com/docs/manual/reference/operator/aggregation/rankFusion/
Source: https://github.com/mongodb/mongo, `document_source_rank_fusion.cpp`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from .expression_compiler import Variables
from .fusion import Fusion, Part
from .fusion_inputs import Input, Rules, read_inputs, read_spec, refuse_unknown
from .metadata import details_of, score_of
from .pipelines import SOURCES, Pipeline, Source, StageScope
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


def _fault(names: Sequence[str]) -> str | None:
    if names[0] in ("$search", "$vectorSearch") or "$sort" in names:
        return None
    return (
        "Pipeline did not begin with a ranked stage and did not contain an explicit $sort stage. "
        f"{_WANTED}"
    )


_RULES: Final = Rules(_STAGE, _fault, _WANTED, (9834300, 10473002, 9191100, 9191103))


def _rank_fusion(operand: Any, scope: StageScope) -> Source:
    spec = read_spec(_STAGE, operand)
    refuse_unknown(f"{_STAGE}.input", spec["input"], {"pipelines"})
    inputs = read_inputs(_RULES, spec, scope)
    refuse_unknown(f"{_STAGE}.combination", spec.get("combination", {}), {"weights"})
    summary = {"description": _DESCRIPTION} if spec.get("scoreDetails") else None
    fusion = Fusion(inputs, _rated, _sum, _absent, summary)
    return Source(fusion.opener(), fusion.metadata)


def _rated(one: Input, rows: Iterator[Row]) -> Iterator[Part]:
    key_of = _rank_key(one.pipeline)
    rank, previous = 0, None
    for position, row in enumerate(rows, 1):
        key = key_of(row)
        if rank == 0 or key != previous:
            rank, previous = position, key
        value = one.weight * (1 / (_RANK_CONSTANT + rank))
        yield Part(row, value, {"rank": rank, "weight": one.weight, **_own_details(row)})


def _own_details(row: Row) -> dict[str, Any]:
    """Return what the input itself tells of its score."""
    details, score = details_of(row), score_of(row)
    if details is not None:
        return details
    return {"details": []} if score is None else {"value": score, "details": []}


def _rank_key(pipeline: Pipeline) -> Callable[[Row], Any]:
    """Return what makes documents of a pipeline equal in rank."""
    keys = [sort.key for sort in pipeline.sorts]
    return keys[-1] if keys else score_of


def _sum(values: Mapping[str, float], variables: Variables) -> float:
    return sum(values.values())


def _absent(one: Input) -> Mapping[str, Any]:
    return {"rank": "NA", "weight": one.weight}


SOURCES[_STAGE] = _rank_fusion
