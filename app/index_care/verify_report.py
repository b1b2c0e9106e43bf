"""What `verify` found."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.documents import shown_id
from app.index_care.faults import Reason

_SHOWN_ID_CHARACTERS = 60


@dataclass(slots=True)
class FingerprintCounts:
    """Documents with something at the index's path, and how many of them searches find."""

    documents: int = 0
    searchable: int = 0


@dataclass(frozen=True, slots=True)
class MissingDocument:
    """A document that searches do not find, or find by an older vector."""

    item_id: Any
    reason: Reason
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"id": shown_id(self.item_id), "reason": str(self.reason), "detail": self.detail}


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Whether an index holds what was written.

    Attributes:
        vector_type: with which queries ask.
        method: how the index was asked.
        documents: in the collection, with or without a vector.
        by_fingerprint: of those with something at `path`; None for documents without fingerprint.
        missing: what is not searchable, in the order in which it was read.
        caught_up: documents that became searchable while it was waited for them.
        caught_up_s: seconds until none lagged behind any more; None where some still do.
    """

    index: str
    namespace: str
    path: str
    vector_type: str
    method: str
    documents: int
    by_fingerprint: Mapping[str | None, FingerprintCounts]
    missing: tuple[MissingDocument, ...]
    caught_up: int
    caught_up_s: float | None
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether everything is searchable."""
        return not self.missing

    @property
    def with_vector(self) -> int:
        """Documents that have something at the path."""
        return sum(one.documents for one in self.by_fingerprint.values())

    @property
    def searchable(self) -> int:
        """Documents that searches find."""
        return sum(one.searchable for one in self.by_fingerprint.values())

    @property
    def reasons(self) -> Counter[str]:
        """How many documents are missing for each reason."""
        return Counter(str(one.reason) for one in self.missing)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "index": self.index,
            "collection": self.namespace,
            "path": self.path,
            "vector_type": self.vector_type,
            "method": self.method,
            "documents": self.documents,
            "with_vector": self.with_vector,
            "searchable": self.searchable,
            "by_fingerprint": [
                {"embedded_by": key, "documents": one.documents, "searchable": one.searchable}
                for key, one in self.by_fingerprint.items()
            ],
            "reasons": dict(self.reasons),
            "missing": [one.as_dict() for one in self.missing],
            "caught_up": self.caught_up,
            "caught_up_s": None if self.caught_up_s is None else round(self.caught_up_s, 3),
            "seconds": round(self.seconds, 3),
        }

    def as_text(self) -> str:
        """Return the report for people: of each reason, one document as an example."""
        lines = [
            f"{self.index} on {self.namespace}: {self.documents:,} documents, "
            f"{self.with_vector:,} with a value at {self.path}",
            f"searchable with {self.vector_type} queries: {self.searchable:,}; "
            f"missing: {len(self.missing):,} ({self.seconds:.1f} s, by {self.method})",
        ]
        for key, one in self.by_fingerprint.items():
            maker = "no fingerprint" if key is None else f"embedded by {str(key)[:12]}"
            lines.append(f"  {maker}: {one.documents:,} documents, {one.searchable:,} searchable")
        if self.caught_up:
            lines.append(f"{self.caught_up:,} became searchable while it was waited for them")
        lines += [
            f"  {self._told(reason, count)}" for reason, count in sorted(self.reasons.items())
        ]
        return "\n".join(lines)

    def _told(self, reason: str, count: int) -> str:
        example = next(one for one in self.missing if one.reason == reason)
        shown = repr(shown_id(example.item_id))[:_SHOWN_ID_CHARACTERS]
        return f"{reason}: {count:,}, as {self.path} of {shown}, which {example.detail}"
