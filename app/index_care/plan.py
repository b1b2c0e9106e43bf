"""`plan`: what would change, what is rebuilt for it, and who would notice. It changes nothing."""

from dataclasses import dataclass
from typing import Any

from app.index_care.listing import Documents, list_entries
from app.index_care.planning import Plan, make_plan
from app.lexical_indexes import AnyIndex


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan, and what it is for.

    Attributes:
        namespace: `database.collection`.
        documents: in the collection, about; a build reads them all.
    """

    plan: Plan
    namespace: str
    documents: int

    @property
    def sentences(self) -> list[str]:
        """What the plan means: what is rebuilt, and what answers meanwhile."""
        plan, name = self.plan, self.plan.index.name
        match plan.action:
            case "nothing":
                return [f"Nothing is to be done.{_build_in_hand(plan)}"]
            case "create":
                return [
                    f"It is built from {self.documents:,} documents; "
                    f"until then, searches that name it find nothing."
                ]
            case "update":
                until = "the old definition answers" if plan.is_answering else "nothing answers"
                return [
                    f"The whole index is rebuilt from {self.documents:,} documents; "
                    f"{until} until the new one is built.",
                    *plan.breaks,
                ]
            case "other type":
                return [
                    f"The live index is of type {plan.live_type}, and a type cannot be changed: "
                    f"give the file another name than {name}, and migrate makes it beside this one."
                ]

    @property
    def is_good(self) -> bool:
        """A plan is no failure, whatever it says."""
        return True

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "index": self.plan.index.name,
            "collection": self.namespace,
            "action": self.plan.action,
            "differences": [
                {"setting": str(one.setting), "live": one.live, "file": one.wanted}
                for one in self.plan.differences
            ],
            "documents": self.documents,
            "breaks": list(self.plan.breaks),
            "notes": self.sentences,
        }

    def as_text(self) -> str:
        """Return the report for people."""
        head = f"{self.plan.index.name} on {self.namespace}: {self.plan.action}"
        changes = [f"  {one}" for one in self.plan.differences]
        return "\n".join([head, *changes, *self.sentences])


def plan_index(collection: Documents, index: AnyIndex) -> PlanReport:
    """Compare a file with the live index.

    Raises:
        IndexRefused: the user may not list indexes.
        The driver's other errors.
    """
    plan = make_plan(list_entries(collection), index)
    return PlanReport(plan, collection.full_name, collection.estimated_document_count())


def _build_in_hand(plan: Plan) -> str:
    build = plan.build
    if build is None or build.serves_latest:
        return ""
    return f" The live index is {build.status}, though, and does not answer with it yet."
