"""What `migrate` did, and what comes next."""

from dataclasses import dataclass
from typing import Any, Literal

from app.index_care.comparing import Comparison
from app.index_care.converting import Converted

Step = Literal["prepared", "switched", "converted", "back"]


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What was done, and what comes next.

    Attributes:
        is_created: whether the new index had to be created.
        missing: documents that the old index finds and the new one does not.
        only_in_new: documents that the new index finds and the old one does not.
        comparison: of the exact answers of both.
        converted: None where the stored vectors were left as they are.
        asked: name of the index that the service asks where its INDEX_FILE names the old one.
    """

    old: str
    new: str
    namespace: str
    step: Step
    is_created: bool
    missing: int
    only_in_new: int
    comparison: Comparison
    converted: Converted | None
    asked: str
    seconds: float

    @property
    def is_same(self) -> bool:
        """Whether both indexes find the same."""
        return self.comparison.is_same and self.missing == 0

    @property
    def is_good(self) -> bool:
        """Whether the step is done; whoever went back wants nothing of the new index."""
        return self.step == "back" or self.is_same

    @property
    def next_step(self) -> str:
        """What whoever runs it does now."""
        if not self.is_good:
            return f"Do not switch: {self._difference}"
        match self.step:
            case "prepared" if self.asked == self.new:
                return f"The service asks {self.new} already; migrate --convert comes next."
            case "prepared":
                return (
                    f"migrate --switch has the service ask {self.new} without a restart; callers "
                    f"of your own name it in their pipelines."
                )
            case "switched":
                return (
                    f"Every process of the service asks {self.new} within a second or two, and "
                    f"/readyz says so; then migrate --convert turns the vectors into BinData, or "
                    f"migrate --back has {self.old} asked again."
                )
            case "converted":
                return (
                    f"{self.old} is still there: migrate --back leads back to it; once INDEX_FILE "
                    f"is the new index's file and nobody asks the old one, it can be dropped."
                )
            case "back" if not self.is_same:
                return f"{self.old} finds every good vector; {self._difference}"
            case "back":
                return f"{self.new} is still there, too, and can be dropped."

    @property
    def _difference(self) -> str:
        if self.missing:
            return f"verify --index {self.new} tells what {self.new} misses and why."
        if self.only_in_new:
            return (
                f"{self.new} finds more; verify --index {self.old} tells what {self.old} misses "
                f"and why."
            )
        return "both find the same documents, and rank some of them differently."

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "from": self.old,
            "to": self.new,
            "collection": self.namespace,
            "step": self.step,
            "created": self.is_created,
            "asked": self.asked,
            "missing": self.missing,
            "only_in_new": self.only_in_new,
            "queries": self.comparison.queries,
            "same_answers": self.comparison.same,
            "converted": None if self.converted is None else self.converted.changed,
            "not_converted": None if self.converted is None else self.converted.left,
            "seconds": round(self.seconds, 3),
            "next": self.next_step,
        }

    def as_text(self) -> str:
        """Return the report for people."""
        made = "was created beside" if self.is_created else "stands beside"
        lines = [f"{self.new} {made} {self.old} on {self.namespace} ({self.seconds:.1f} s)"]
        if self.converted is not None:
            kind = "arrays" if self.step == "back" else "BinData"
            lines.append(
                f"{self.converted.changed:,} vectors were turned into {kind}, "
                f"{self.converted.left:,} were left as they are"
            )
        lines.append(
            f"{self.comparison.same} of {self.comparison.queries} queries have the same exact "
            f"answer of both; {self.missing:,} documents are missing from {self.new}, "
            f"{self.only_in_new:,} from {self.old}"
        )
        instead = "" if self.asked == self.old else f" instead of {self.old}"
        lines.append(f"the service asks {self.asked}{instead}")
        return "\n".join([*lines, self.next_step])
