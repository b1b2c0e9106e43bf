"""What has to be done to make a live index what its file says, and what that means; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.index_care.builds import Build, Entry, find_entry, read_build
from app.index_care.definitions import MISSING, VECTOR_TYPES, Difference, differences
from app.lexical_indexes import AnyIndex

# "other type": the server cannot change the type of an index, whoever wants it needs another name.
Action = Literal["nothing", "create", "update", "other type"]

_DIMENSIONS = frozenset({"numDimensions", "dimensions"})


@dataclass(frozen=True, slots=True)
class Plan:
    """The way from the live index to the one of the file.

    Attributes:
        index: what is wanted.
        entry: what `$listSearchIndexes` says of the live index, None where there is none.
        differences: in the definition, live first.
        breaks: what callers will notice for the worse once it is done, a sentence each.
    """

    index: AnyIndex
    action: Action
    entry: Entry | None
    differences: tuple[Difference, ...]
    breaks: tuple[str, ...]

    @property
    def build(self) -> Build | None:
        """Where the live index stands, None where there is none."""
        return None if self.entry is None else read_build(self.entry)

    @property
    def is_answering(self) -> bool:
        """Whether the live index, or an older version of it, answers queries."""
        return self.build is not None and self.build.is_queryable

    @property
    def live_type(self) -> str | None:
        """Type of the live index, None where there is none."""
        return None if self.entry is None else type_of(self.entry)


def make_plan(entries: Sequence[Entry], index: AnyIndex) -> Plan:
    """Compare a file with what is live.

    Args:
        entries: of `$listSearchIndexes`.
        index: as the file has it.
    """
    entry = find_entry(entries, index.name)
    if entry is None:
        return Plan(index, "create", None, (), ())
    if type_of(entry) != index.type:
        return Plan(index, "other type", entry, (), ())
    found = tuple(differences(entry.get("latestDefinition", {}), index.definition))
    action: Action = "update" if found else "nothing"
    # Where nothing answers, there is no query to break.
    breaks = tuple(_breaks(found, index.type)) if read_build(entry).is_queryable else ()
    return Plan(index, action, entry, found, breaks)


def type_of(entry: Entry) -> str:
    """Return the type of a live index, which not every server lists."""
    listed = entry.get("type")
    is_vector = "fields" in entry.get("latestDefinition", {})
    return str(listed) if listed else ("vectorSearch" if is_vector else "search")


def _breaks(found: Sequence[Difference], index_type: str) -> list[str]:
    sentences = [_break(one, index_type) for one in found]
    return [sentence for sentence in sentences if sentence is not None]


def _break(one: Difference, index_type: str) -> str | None:
    setting = one.setting
    if not setting.option and one.wanted == MISSING:
        outcome = (
            "fail"
            if index_type == "vectorSearch" or setting.kind in VECTOR_TYPES
            else "find nothing"
        )
        return f"Queries that use {setting} will {outcome}."
    if setting.option in _DIMENSIONS:
        return _of_dimensions(setting.path, one.live, one.wanted)
    if setting.option == "similarity":
        return f"Scores of {setting.path} will be those of {one.wanted}, and hits may change."
    return None


def _of_dimensions(path: str, live: Any, wanted: Any) -> str:
    return (
        f"Queries of {live} dimensions will fail, and every stored {path} of {live} dimensions "
        f"will be passed over in silence; an index of another name on another path, filled first, "
        f"lets queries go on."
    )
