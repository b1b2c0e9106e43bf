"""Where the build of a live index stands: which version of its definition answers, and which comes.

READY does not say that the newest definition answers, so the version that each host serves is
compared with the newest one, where the server tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Entry = Mapping[str, Any]

NO_REASON = "the server gives no reason."


@dataclass(frozen=True, slots=True)
class Build:
    """What `$listSearchIndexes` tells of one index.

    Attributes:
        status: PENDING, BUILDING, READY, STALE, FAILED or DELETING.
        is_queryable: whether some version of it answers.
        latest_version: number of the newest definition, None where the server does not tell.
        serving_versions: of the definition that answers, one for each host that tells.
        serving_definition: the definition that answers; the newest one where no host tells.
        message: what a host says of it, None for nothing.
    """

    status: str
    is_queryable: bool
    latest_version: int | None
    serving_versions: tuple[int, ...]
    serving_definition: Mapping[str, Any]
    message: str | None

    @property
    def serves_latest(self) -> bool:
        """Whether queries are answered by the newest definition, on every host."""
        return (
            self.is_queryable
            and self.status in ("READY", "STALE")
            and all(one == self.latest_version for one in self.serving_versions)
        )

    @property
    def is_under_way(self) -> bool:
        """Whether the newest definition is still to be built."""
        return self.status not in ("FAILED", "DELETING") and not self.serves_latest


def find_entry(entries: Sequence[Entry], name: str) -> Entry | None:
    """Return the entry of an index; one that is being deleted is as good as gone."""
    found = (one for one in entries if one["name"] == name and one.get("status") != "DELETING")
    return next(found, None)


def read_build(entry: Entry) -> Build:
    """Read an entry of `$listSearchIndexes`."""
    latest = entry.get("latestDefinitionVersion", {}).get("version")
    hosts: list[Mapping[str, Any]] = list(entry.get("statusDetail", ()))
    mains = [host["mainIndex"] for host in hosts if "mainIndex" in host]
    versions = [main.get("definitionVersion", {}).get("version") for main in mains]
    definitions = [main["definition"] for main in mains if "definition" in main]
    return Build(
        status=str(entry.get("status", "unknown")),
        is_queryable=entry.get("queryable") is True,
        latest_version=None if latest is None else int(latest),
        serving_versions=tuple(int(one) for one in versions if one is not None)
        if latest is not None
        else (),
        serving_definition=definitions[0] if definitions else entry.get("latestDefinition", {}),
        message=_message(hosts),
    )


def _message(hosts: Sequence[Mapping[str, Any]]) -> str | None:
    parts = [host.get(part, {}) for part in ("stagedIndex", "mainIndex") for host in hosts]
    messages = [one.get("message") for one in (*parts, *hosts)]
    return next((str(one) for one in messages if one), None)
