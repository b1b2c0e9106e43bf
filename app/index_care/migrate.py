"""`migrate`: from a `search` index with knnVector to a vectorSearch index, while queries go on.

The new index is made beside the old one and compared with it. Then queries are switched over, by
whoever asks them, and only then are the stored vectors turned into BinData: knnVector is promised
to index arrays, and nothing else. The old index stays, and so does the way back.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal

from app.bson_values import encode_value
from app.errors import IndexNotReady
from app.index_care.apply import apply_plan
from app.index_care.asking import stored_queries
from app.index_care.comparing import Comparison, compare_indexes
from app.index_care.converting import Converted, to_arrays, to_bindata
from app.index_care.deriving import check_stand_in
from app.index_care.listing import Documents
from app.index_care.verify import verify_index
from app.indexes import SearchIndex

Step = Literal["prepared", "converted", "back"]

_QUERIES = 100


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What was done, and what comes next.

    Attributes:
        created: whether the new index had to be created.
        missing: documents that the old index finds and the new one does not.
        comparison: of the exact answers of both.
        converted: None where the stored vectors were left as they are.
    """

    old: str
    new: str
    namespace: str
    step: Step
    created: bool
    missing: int
    comparison: Comparison
    converted: Converted | None
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether both indexes find the same."""
        return self.comparison.is_same and self.missing == 0

    @property
    def next_step(self) -> str:
        """What whoever runs it does now."""
        if not self.is_good:
            return f"Do not switch; verify --index {self.new} tells what is missing and why."
        match self.step:
            case "prepared":
                return (
                    f"Switch queries over to {self.new} (INDEX_FILE, and a restart of one worker "
                    f"after the other); then migrate --convert turns the vectors into BinData."
                )
            case "converted":
                return (
                    f"{self.old} is still there: migrate --back turns the vectors into arrays "
                    f"again; once nobody asks it, it can be dropped."
                )
            case "back":
                return f"Switch queries back to {self.old}; {self.new} is still there, too."

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "from": self.old,
            "to": self.new,
            "collection": self.namespace,
            "step": self.step,
            "created": self.created,
            "missing": self.missing,
            "queries": self.comparison.queries,
            "same_answers": self.comparison.same,
            "converted": None if self.converted is None else self.converted.changed,
            "not_converted": None if self.converted is None else self.converted.left,
            "seconds": round(self.seconds, 3),
            "next": self.next_step,
        }

    def as_text(self) -> str:
        """Return the report for people."""
        made = "was created beside" if self.created else "stands beside"
        lines = [f"{self.new} {made} {self.old} on {self.namespace} ({self.seconds:.1f} s)"]
        if self.converted is not None:
            kind = "arrays" if self.step == "back" else "BinData"
            lines.append(
                f"{self.converted.changed:,} vectors were turned into {kind}, "
                f"{self.converted.left:,} were left as they are"
            )
        lines.append(
            f"{self.comparison.same} of {self.comparison.queries} queries have the same exact "
            f"answer of both; {self.missing:,} documents are missing from {self.new}"
        )
        return "\n".join([*lines, self.next_step])


def prepare(
    collection: Documents, old: SearchIndex, new: SearchIndex, *, timeout_s: float
) -> MigrationReport:
    """Make the new index and compare it with the old one; no stored vector is changed.

    Args:
        collection: any.
        old: live.
        new: as its file has it; created where it is missing.
        timeout_s: for its build, and for what lags behind after it.

    Raises:
        IndexNotReady: it cannot stand in for the old one; or as `apply_plan`.
        The driver's errors.
    """
    start_s = time.monotonic()
    check_stand_in(old, new)
    applied = apply_plan(collection, new, timeout_s=timeout_s)
    missing = _missing(collection, old, new, timeout_s=timeout_s)
    comparison = _compare(collection, old, new)
    return MigrationReport(
        old=old.name,
        new=new.name,
        namespace=collection.full_name,
        step="prepared",
        created=applied.action == "create",
        missing=missing,
        comparison=comparison,
        converted=None,
        seconds=time.monotonic() - start_s,
    )


def convert(
    collection: Documents, old: SearchIndex, new: SearchIndex, *, timeout_s: float, is_back: bool
) -> MigrationReport:
    """Turn the stored vectors into BinData, or back into arrays, once both indexes agree.

    Args:
        collection: any.
        old: live.
        new: live, too.
        timeout_s: for what lags behind.
        is_back: into arrays.

    Raises:
        IndexNotReady: they do not agree, and nothing was changed; or as `prepare`.
        The driver's errors.
    """
    start_s = time.monotonic()
    check_stand_in(old, new)
    if not _compare(collection, old, new).is_same:
        raise IndexNotReady(
            f"Search indexes {old.name} and {new.name} do not give the same answers, so no vector "
            f"was changed; migrate without --convert and --back compares them again."
        )
    converted = (to_arrays if is_back else to_bindata)(collection, new.path)
    missing = _missing(collection, old, new, timeout_s=timeout_s)
    comparison = _compare(collection, old, new)
    return MigrationReport(
        old=old.name,
        new=new.name,
        namespace=collection.full_name,
        step="back" if is_back else "converted",
        created=False,
        missing=missing,
        comparison=comparison,
        converted=converted,
        seconds=time.monotonic() - start_s,
    )


def _compare(collection: Documents, old: SearchIndex, new: SearchIndex) -> Comparison:
    return compare_indexes(collection, old, new, stored_queries(collection, new, _QUERIES))


def _missing(collection: Documents, old: SearchIndex, new: SearchIndex, *, timeout_s: float) -> int:
    """Return how many documents the old index finds and the new one does not."""
    lost = verify_index(collection, new, wait_s=timeout_s).missing
    in_neither = {encode_value(one.item_id) for one in verify_index(collection, old).missing}
    return sum(encode_value(one.item_id) not in in_neither for one in lost)
