"""What `tune` found, for people and as JSON."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from app.index_care.tuning import TunedSetting, Tuning, usual_candidates


@dataclass(frozen=True, slots=True)
class TuneReport:
    """The settings of one index; `queries` were asked at each."""

    tuning: Tuning
    namespace: str
    queries: int

    @property
    def is_good(self) -> bool:
        """Whether the target is reached at every selectivity."""
        return all(one.reaches_target for one in self.tuning.settings)

    @property
    def advice(self) -> list[str]:
        """What else would be better, a sentence each."""
        settings = self.tuning.settings
        better = [one for one in settings if one.is_exact_better]
        sentences = [
            f"With {_filter(one)}, {self.tuning.target_recall:g} was not reached with "
            f"{one.num_candidates:,} candidates; only an exact search does."
            for one in settings
            if not one.reaches_target
        ]
        if all(one.exact_is != "slower" or one.is_exact_better for one in settings):
            sentences.append(
                "An exact search is no slower anywhere: an index with indexingMethod flat, which "
                "keeps no graph, serves this collection as well."
            )
        elif better:
            filters = " or ".join(_filter(one) for one in better)
            sentences.append(f"With {filters}, an exact search is better.")
        return sentences

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        tuning = self.tuning
        return {
            "index": tuning.index,
            "collection": self.namespace,
            "documents": tuning.documents,
            "limit": tuning.limit,
            "target_recall": tuning.target_recall,
            "queries": self.queries,
            "settings": [asdict(one) for one in tuning.settings],
            "advice": self.advice,
        }

    def as_text(self) -> str:
        """Return the report for people."""
        tuning = self.tuning
        usual = usual_candidates(tuning.limit)
        lines = [
            f"{tuning.index} on {self.namespace}: {tuning.documents:,} documents, "
            f"{self.queries} queries for {tuning.limit} hits, target recall "
            f"{tuning.target_recall:g}"
        ]
        for one in tuning.settings:
            condition = "no filter" if one.filter is None else json.dumps(one.filter)
            lines += [
                f"{_share(one)} of the documents, {condition}:",
                f"  numCandidates {one.num_candidates:,}: recall {one.recall:.3f}, "
                f"p95 {one.p95_ms:.2f} ms",
                f"  20 x limit, {usual:,}: recall {one.usual_recall:.3f}, "
                f"p95 {one.usual_p95_ms:.2f} ms, {one.usual_is}; "
                f"exact: p95 {one.exact_p95_ms:.2f} ms, {one.exact_is}",
            ]
        return "\n".join([*lines, *self.advice])


def _filter(one: TunedSetting) -> str:
    return "no filter" if one.filter is None else f"a filter that keeps {_share(one)}"


def _share(one: TunedSetting) -> str:
    return f"{100 * one.share:.3g} %"
