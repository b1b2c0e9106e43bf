"""`migrate`: from a `search` index with knnVector to a vectorSearch index, while queries go on.

The new index is made beside the old one and compared with it; then queries are led to it. Only
after that are the stored vectors turned into BinData: knnVector is promised to index arrays, and
nothing else. The old index stays, and so does the way back.
"""

import time
from dataclasses import dataclass, replace

from app.bson_values import encode_value
from app.errors import IndexNotReady
from app.index_care.apply import apply_plan
from app.index_care.asking import stored_queries
from app.index_care.comparing import Comparison, compare_indexes
from app.index_care.converting import Converted, to_arrays, to_bindata
from app.index_care.deriving import check_stand_in
from app.index_care.faults import Reason
from app.index_care.listing import Documents
from app.index_care.migration_report import MigrationReport, Step
from app.index_care.refusals import lost_connection
from app.index_care.switching import read_switch, switch_back, switch_over
from app.index_care.verify import verify_index
from app.index_care.verify_report import VerifyReport
from app.indexes import SearchIndex

_QUERIES = 100


@dataclass(frozen=True, slots=True)
class Pair:
    """The index that is left, and the one that stands in for it, as its file has it."""

    collection: Documents
    old: SearchIndex
    new: SearchIndex


def prepare(pair: Pair, *, timeout_s: float) -> MigrationReport:
    """Make the new index and compare it with the old one; queries go on over the old one.

    Args:
        pair: the new one is created where it is missing.
        timeout_s: for its build, and for what lags behind after it.

    Raises:
        IndexNotReady: it cannot stand in for the old one; or as `apply_plan`.
        The driver's errors.
    """
    start_s = time.monotonic()
    check_stand_in(pair.old, pair.new)
    applied = apply_plan(pair.collection, pair.new, timeout_s=timeout_s)
    with lost_connection(f"{pair.new.name} stands, and nothing was switched; run this again."):
        return _compared(
            pair, "prepared", start_s, wait_s=timeout_s, is_created=applied.action == "create"
        )


def switch(pair: Pair, *, timeout_s: float) -> MigrationReport:
    """As `prepare`; and where both agree, have the service ask the new index from now on.

    Raises:
        IndexRefused: the user may not write that down.
        As `prepare`.
    """
    report = prepare(pair, timeout_s=timeout_s)
    if not report.is_good:
        return report
    with lost_connection("which index is asked is not known; run status, then this again."):
        switch_over(pair.collection, pair.old.name, pair.new)
    return replace(report, step="switched", asked=pair.new.name)


def convert(pair: Pair, *, timeout_s: float) -> MigrationReport:
    """Turn the stored vectors into BinData, once both indexes agree.

    Args:
        pair: live, both.
        timeout_s: for what lags behind.

    Raises:
        IndexNotReady: they do not agree, and nothing was changed; or as `prepare`.
        The driver's errors.
    """
    start_s = time.monotonic()
    check_stand_in(pair.old, pair.new)
    if not _comparison(pair).is_same:
        raise IndexNotReady(
            f"Search indexes {pair.old.name} and {pair.new.name} do not give the same answers, so "
            f"no vector was changed; migrate without --convert compares them again."
        )
    with lost_connection("both indexes find vectors of either kind; run this again to go on."):
        converted = to_bindata(pair.collection, pair.new.path)
        return _compared(pair, "converted", start_s, wait_s=timeout_s, converted=converted)


def lead_back(pair: Pair, *, timeout_s: float) -> MigrationReport:
    """Have the old index asked again, and turn the stored vectors into arrays again.

    The old one is asked at once where it finds every good vector as it is, and else after that. The
    new one may be broken, or gone.

    Raises:
        IndexNotReady: the old index does not find everything within `timeout_s` (seconds), and
            queries still go to the new one; or as `prepare`.
        IndexRefused: the user may not write down which index is asked.
        The driver's errors.
    """
    unknown = f"not all is as it was; run status, then this again until {pair.old.name} is asked."
    with lost_connection(unknown):
        return _led_back(pair, timeout_s=timeout_s)


def _led_back(pair: Pair, *, timeout_s: float) -> MigrationReport:
    start_s = time.monotonic()
    collection, old = pair.collection, pair.old
    check_stand_in(old, pair.new)
    if not _behind(verify_index(collection, old)):
        switch_back(collection, old.name)
    converted = to_arrays(collection, pair.new.path)
    behind = _behind(verify_index(collection, old, wait_s=timeout_s))
    if behind:
        raise IndexNotReady(
            f"Search index {old.name} does not find {behind:,} documents {timeout_s:g} s after "
            f"their vectors were turned into arrays; run migrate --back again to wait on."
        )
    switch_back(collection, old.name)
    return _compared(pair, "back", start_s, wait_s=0.0, converted=converted)


def _compared(
    pair: Pair,
    step: Step,
    start_s: float,
    *,
    wait_s: float,
    is_created: bool = False,
    converted: Converted | None = None,
) -> MigrationReport:
    collection, old, new = pair.collection, pair.old, pair.new
    of_new = _ids(verify_index(collection, new, wait_s=wait_s))
    of_old = _ids(verify_index(collection, old))
    switched = read_switch(collection, old.name)
    return MigrationReport(
        old=old.name,
        new=new.name,
        namespace=collection.full_name,
        step=step,
        is_created=is_created,
        missing=len(of_new - of_old),
        only_in_new=len(of_old - of_new),
        comparison=_comparison(pair),
        converted=converted,
        asked=old.name if switched is None else switched.name,
        seconds=time.monotonic() - start_s,
    )


def _comparison(pair: Pair) -> Comparison:
    queries = stored_queries(pair.collection, pair.new, _QUERIES)
    return compare_indexes(pair.collection, pair.old, pair.new, queries)


def _ids(report: VerifyReport) -> set[bytes]:
    return {encode_value(one.item_id) for one in report.missing}


def _behind(report: VerifyReport) -> int:
    return report.reasons[str(Reason.LAG)]
