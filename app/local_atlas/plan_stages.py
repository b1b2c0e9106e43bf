"""Plans as `explain` shows them: a tree of stages, with what each of them looked at and returned.

https://www.mongodb.com/docs/manual/reference/explain-results/
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .index_scan import Counts, Index, IndexScan
from .mql.index_bounds import ALL, constraints_on, intersection
from .ordinary_indexes import IdIndex, OrdinaryIndex
from .query_plans import (
    CollectionScan,
    FindOptions,
    IdLookup,
    IndexLookup,
    Plan,
    UnionLookup,
)

Document = dict[str, Any]


@dataclass(slots=True)
class PlanStage:
    """One stage of a plan.

    Attributes:
        name: as `explain` calls it.
        details: how it works.
        source: the stage whose output it takes.
        returned: how many documents or keys came out of it.
        counted: what else was counted while it ran.
    """

    name: str
    details: Document = field(default_factory=dict)
    source: "PlanStage | None" = None
    returned: int = 0
    counted: Document = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Tell whether it or one below it is of this name."""
        return self.name == name or (self.source is not None and self.source.has(name))

    def total(self, count: str) -> int:
        """Return the sum of a count over it and those below it."""
        below = 0 if self.source is None else self.source.total(count)
        return below + int(self.counted.get(count, 0))

    def planned(self) -> Document:
        """Return it as a part of `winningPlan`."""
        source = {} if self.source is None else {"inputStage": self.source.planned()}
        return {"stage": self.name, **self.details, **source}

    def executed(self) -> Document:
        """Return it as a part of `executionStages`."""
        source = {} if self.source is None else {"inputStage": self.source.executed()}
        shown = {"stage": self.name, "nReturned": self.returned, **self.details, **self.counted}
        return {**shown, **source}


def nothing() -> PlanStage:
    """Return the plan of a query on a collection that does not exist."""
    return PlanStage("EOF")


def plan_stages(plan: Plan, query: Mapping[str, Any], ids: IdIndex, counts: Counts) -> PlanStage:
    """Return the stages that find the documents, which are the innermost ones.

    Args:
        plan: how they are found.
        query: what they match.
        ids: the index of `_id`.
        counts: what the plan looked at, where it ran.
    """
    matched = counts.documents - counts.mismatches
    examined = {"docsExamined": counts.documents}
    has_filter: Document = {"filter": dict(query)} if query else {}
    if isinstance(plan, CollectionScan):
        return PlanStage(
            "COLLSCAN", {**has_filter, "direction": "forward"}, None, matched, examined
        )
    if isinstance(plan, IdLookup) and len(plan.keys) == 1 and len(query) == 1:
        keys = {"keysExamined": counts.keys, **examined}
        shown = {"keyPattern": {"_id": 1}, "indexName": ids.name}
        return PlanStage("IDHACK", shown, None, matched, keys)
    source = _source(plan, query, ids, counts)
    return PlanStage("FETCH", has_filter, source, matched, examined)


def with_sort(source: PlanStage, plan: Plan, options: FindOptions, returned: int) -> PlanStage:
    """Return the stage with a sort over it, where the plan does not give the order by itself."""
    if not options.sort or plan.is_sorted:
        return source
    limit = {} if options.wanted is None else {"limitAmount": options.wanted}
    shown = {"sortPattern": dict(options.sort), **limit, "type": "simple"}
    return PlanStage("SORT", shown, source, returned)


def planner(namespace: str, stage: PlanStage) -> Document:
    """Return the part `queryPlanner` of an explanation."""
    return {
        "namespace": namespace,
        "indexFilterSet": False,
        "winningPlan": stage.planned(),
        "rejectedPlans": [],
    }


def statistics(stage: PlanStage, elapsed_ms: int) -> Document:
    """Return the part `executionStats` of an explanation."""
    return {
        "executionSuccess": True,
        "nReturned": stage.returned,
        "executionTimeMillis": elapsed_ms,
        "totalKeysExamined": stage.total("keysExamined"),
        "totalDocsExamined": stage.total("docsExamined"),
        "executionStages": stage.executed(),
    }


def _source(
    plan: IdLookup | IndexLookup | UnionLookup,
    query: Mapping[str, Any],
    ids: IdIndex,
    counts: Counts,
) -> PlanStage:
    """Return the stage that finds record ids."""
    if isinstance(plan, UnionLookup):
        branches = zip(plan.parts, query["$or"], strict=True)
        stages = [_source(part, branch, ids, Counts()).planned() for part, branch in branches]
        examined = {"keysExamined": counts.keys}
        return PlanStage("OR", {"inputStages": stages}, None, counts.documents, examined)
    return _index_stage(_id_scan(query, ids) if isinstance(plan, IdLookup) else plan.scan, counts)


def _index_stage(scan: IndexScan, counts: Counts) -> PlanStage:
    index = scan.index
    is_backward = _is_backward(scan)
    bounds = {
        path: [each.text(is_down=(direction < 0) != is_backward) for each in intervals]
        for path, direction, intervals in zip(
            index.paths, index.directions, scan.bounds, strict=True
        )
    }
    details = {
        "keyPattern": index.specification["key"],
        "indexName": index.name,
        **_kind(index),
        "indexVersion": 2,
        "direction": "backward" if is_backward else "forward",
        "indexBounds": bounds,
    }
    return PlanStage("IXSCAN", details, None, counts.keys, {"keysExamined": counts.keys})


def _kind(index: Index) -> Document:
    ordinary = index if isinstance(index, OrdinaryIndex) else None
    return {
        "isMultiKey": bool(index.multikey),
        "isUnique": ordinary is None or ordinary.is_unique,
        "isSparse": ordinary is not None and ordinary.is_sparse,
        "isPartial": ordinary is not None and ordinary.partial_filter is not None,
    }


def _is_backward(scan: IndexScan) -> bool:
    """Tell whether an index is read against its own direction."""
    if not scan.order:
        return False
    column, is_down = scan.order[0]
    return is_down == (scan.index.directions[list(scan.index.columns).index(column)] > 0)


def _id_scan(query: Mapping[str, Any], ids: IdIndex) -> IndexScan:
    bounds = ALL
    for intervals in constraints_on(query, "_id"):
        bounds = intersection(bounds, intervals)
    return IndexScan(ids, (bounds,))
