"""How `scripts.embed_gallery` tells what a run did."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from app.ingest.field_types import Misfit
from app.ingest.runner import IngestReport


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run.

    Attributes:
        pruned: documents that were deleted because the gallery lists them no more, or that lost
            their embedding; in a dry run, those that would be.
        near_duplicates: how many pairs look nearly the same, None where they were not looked for.
        problems: what went wrong after the pictures were written, a sentence each.
        bytes_per_document: mean size of this model's documents, None without any.
        misfits: filterable fields that hold what no filter finds.
        failed_file: where the failures are listed, None without any.
        is_dry_run: whether nothing was embedded or written.
    """

    report: IngestReport
    pruned: int
    near_duplicates: int | None
    problems: Sequence[str]
    bytes_per_document: int | None
    misfits: Sequence[Misfit]
    failed_file: str | None
    is_dry_run: bool

    def as_json(self) -> str:
        """Return the report on one line."""
        values = {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self.report).items()
        }
        extra = {
            "pruned": self.pruned,
            "near_duplicates": self.near_duplicates,
            "problems": list(self.problems),
            "bytes_per_document": self.bytes_per_document,
            "filter_misfits": [asdict(misfit) for misfit in self.misfits],
            "failed_file": self.failed_file,
            "is_dry_run": self.is_dry_run,
        }
        return json.dumps({**values, **extra})

    def as_sentences(self) -> str:
        """Return the report for people."""
        report = self.report
        rate = report.read / max(report.seconds, 1e-9)
        lines = [
            f"read {report.read:,} = written {report.written:,} + unchanged {report.unchanged:,} "
            f"+ failed {report.failed:,} in {report.seconds:.1f} s ({rate:.1f} pictures/s)",
            f"embedded {report.embedded:,}, copied from duplicates {report.duplicates:,}",
            f"overlapping: prepare {report.prepare_s:.1f} s, embed {report.embed_s:.1f} s, "
            f"write {report.write_s:.1f} s",
        ]
        if self.pruned:
            pruned = "would prune" if self.is_dry_run else "pruned"
            lines.append(f"{pruned} {self.pruned:,} that the gallery lists no more")
        if self.near_duplicates is not None:
            lines.append(f"{self.near_duplicates:,} pairs look nearly the same")
        if report.precision is not None:
            lines.append(f"embedded in {report.precision}")
        if self.bytes_per_document is not None:
            lines.append(f"a document has {self.bytes_per_document:,} bytes on average")
        lines += map(_told, self.misfits)
        if self.is_dry_run:
            lines.append("nothing was embedded, written or pruned (--dry-run)")
        if self.failed_file is not None:
            lines.append(f"{self.failed_file} lists what failed")
        return "\n".join(lines)


def _told(misfit: Misfit) -> str:
    documents = f"{misfit.documents:,} document{'s' if misfit.documents > 1 else ''}"
    told = f"filters do not find {misfit.field} in {documents}: it is {misfit.found} there, "
    if misfit.expected == "number" and misfit.found == "decimal128":
        return f"{told}which is never indexed (--filter-copy {misfit.field} keeps a double)"
    return f"{told}the index file says {misfit.expected}"
