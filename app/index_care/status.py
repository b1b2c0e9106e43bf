"""`status`: what is live on a collection, version by version, and what the documents hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import IndexNotReady
from app.index_care.builds import Build, Entry, read_build
from app.index_care.definitions import filter_types, vector_fields
from app.index_care.lag import Lag, measure_lag
from app.index_care.listing import Documents, existing_entry, list_entries
from app.index_care.planning import type_of
from app.index_care.switching import Switch, read_switches
from app.index_care.target import live_index
from app.indexes import SearchIndex


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """One live index.

    Attributes:
        vectors: path of each vector field, and its options.
        filters: paths that queries may filter on.
        lag: None where that cannot be told, see `measure_lag`.
    """

    name: str
    type: str
    build: Build
    vectors: Mapping[str, Mapping[str, Any]]
    filters: Sequence[str]
    lag: Lag | None

    @property
    def note(self) -> str:
        """What answers a query now, in one sentence."""
        build = self.build
        if build.serves_latest:
            return "The newest definition answers."
        if build.is_queryable:
            return "An older definition answers; the newest one does not."
        return "No definition answers."

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "index": self.name,
            "type": self.type,
            "status": self.build.status,
            "queryable": self.build.is_queryable,
            "latest_version": self.build.latest_version,
            "serving_versions": list(self.build.serving_versions),
            "serves_latest": self.build.serves_latest,
            "message": self.build.message,
            "vectors": {path: dict(options) for path, options in self.vectors.items()},
            "filters": list(self.filters),
            "lag": None if self.lag is None else self.lag.as_dict(),
        }

    def as_lines(self) -> list[str]:
        """Return it for people."""
        build = self.build
        version = "" if build.latest_version is None else f", version {build.latest_version}"
        lines = [f"{self.name} ({self.type}) is {build.status}{version}. {self.note}"]
        for path, options in self.vectors.items():
            lines.append(f"  vector {path}: {', '.join(str(one) for one in options.values())}")
        if self.filters:
            lines.append(f"  filters: {', '.join(self.filters)}")
        if self.lag is not None and self.lag.of:
            lines.append(
                f"  lag: {self.lag.documents} of the {self.lag.of} newest documents are not "
                f"searchable yet"
            )
        if build.message:
            lines.append(f"  the server says: {build.message}")
        return lines


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The live indexes of a collection.

    Attributes:
        documents: about how many there are.
        asked: name of the index that the service of these settings asks, if it is one of them.
        switches: of this collection.
    """

    namespace: str
    documents: int
    indexes: tuple[IndexStatus, ...]
    asked: str | None
    switches: tuple[Switch, ...]

    @property
    def is_good(self) -> bool:
        """What is live is no failure, whatever its state."""
        return True

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "collection": self.namespace,
            "documents": self.documents,
            "indexes": [one.as_dict() for one in self.indexes],
            "asked": self.asked,
            "switches": [
                {"index": one.name, "instead_of": one.instead_of, "since": one.since.isoformat()}
                for one in self.switches
            ],
        }

    def as_text(self) -> str:
        """Return the report for people."""
        count = len(self.indexes)
        noun = "index" if count == 1 else "indexes"
        head = f"{self.namespace}: {self.documents:,} documents, {count} search {noun}"
        lines = [head, *(line for one in self.indexes for line in one.as_lines())]
        lines += [
            f"{one.name} is asked instead of {one.instead_of}, since {one.since:%Y-%m-%d %H:%M} UTC"
            for one in self.switches
        ]
        if self.asked is not None:
            lines.append(f"The service of these settings asks {self.asked}.")
        return "\n".join(lines)


def read_status(
    collection: Documents, name: str | None = None, *, in_file: SearchIndex, follows: bool = True
) -> StatusReport:
    """Read what is live.

    Args:
        collection: any.
        name: of one index; None for all.
        in_file: of INDEX_FILE.
        follows: whether the service asks what stands in for it.

    Raises:
        IndexNotReady: there is no index of that name.
        IndexRefused: the user may not list indexes.
        The driver's other errors.
    """
    entries = list_entries(collection) if name is None else [existing_entry(collection, name)]
    switches = read_switches(collection)
    others = {one.instead_of: one.name for one in switches} if follows else {}
    asked = others.get(in_file.name, in_file.name)
    return StatusReport(
        collection.full_name,
        collection.estimated_document_count(),
        tuple(_status(collection, entry) for entry in entries),
        asked if any(entry["name"] == asked for entry in entries) else None,
        tuple(switches),
    )


def _status(collection: Documents, entry: Entry) -> IndexStatus:
    definition = entry.get("latestDefinition", {})
    return IndexStatus(
        entry["name"],
        type_of(entry),
        read_build(entry),
        vector_fields(definition),
        sorted(filter_types(definition)),
        _lag(collection, entry["name"]),
    )


def _lag(collection: Documents, name: str) -> Lag | None:
    try:
        return measure_lag(collection, live_index(collection, name))
    except IndexNotReady:  # nothing answers, or there is not one vector field
        return None
