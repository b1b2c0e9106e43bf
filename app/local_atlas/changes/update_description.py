"""What an update changed, as the `updateDescription` of its event tells it.

It comes from comparing the documents before and after. A path that an operator sets as a whole is
told as a whole; elements that were pushed, and what a pipeline changed, are told one by one, as the
real server does it. https://www.mongodb.com/docs/manual/reference/change-events/update/
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..mql.bson_order import same

Document = dict[str, Any]
Path = tuple[str | int, ...]
Update = Mapping[str, Any] | Sequence[Any]

_PUSHING: Final = frozenset({"$push", "$addToSet"})
_ELSEWHERE: Final = frozenset({"$position", "$slice", "$sort"})  # more than appending


def describe_update(before: Document, after: Document, update: Update) -> Document:
    """Return the description of a change.

    Args:
        before: the document as it was.
        after: the document as it is now.
        update: its operators, or a pipeline.
    """
    comparison = _Comparison(list(_whole_paths(update)))
    comparison.compare_documents(before, after, ())
    return comparison.description()


class _Comparison:
    """Collects differences.

    Args:
        whole: paths at which a difference is told as a whole; `$...` stands for any position.
    """

    def __init__(self, whole: list[Sequence[str]]) -> None:
        self._whole = whole
        self._updated: Document = {}
        self._removed: list[str] = []
        self._truncated: list[Document] = []
        self._ambiguous: dict[str, list[str | int]] = {}

    def description(self) -> Document:
        found = {
            "updatedFields": self._updated,
            "removedFields": self._removed,
            "truncatedArrays": self._truncated,
        }
        return {**found, "disambiguatedPaths": self._ambiguous} if self._ambiguous else found

    def compare_documents(self, before: Document, after: Document, path: Path) -> None:
        self._removed += [self._name((*path, name)) for name in before if name not in after]
        for name, value in after.items():
            here = (*path, name)
            if name in before:
                self._compare(before[name], value, here)
            else:
                self._updated[self._name(here)] = value

    def _compare(self, before: Any, after: Any, path: Path) -> None:
        if same(before, after):
            return
        is_whole = any(_matches(pattern, path) for pattern in self._whole)
        if isinstance(before, dict) and isinstance(after, dict) and not is_whole:
            self.compare_documents(before, after, path)
        elif isinstance(before, list) and isinstance(after, list) and not is_whole:
            self._compare_arrays(before, after, path)
        else:
            self._updated[self._name(path)] = after

    def _compare_arrays(self, before: list[Any], after: list[Any], path: Path) -> None:
        if len(after) < len(before):
            self._truncated.append({"field": self._name(path), "newSize": len(after)})
        for position, value in enumerate(after):
            if position < len(before):
                self._compare(before[position], value, (*path, position))
            else:
                self._updated[self._name((*path, position))] = value

    def _name(self, path: Path) -> str:
        """Return a path with dots, and note it where one could read it otherwise."""
        name = ".".join(map(str, path))
        if any(isinstance(part, str) and (part.isdecimal() or "." in part) for part in path):
            self._ambiguous[name] = list(path)
        return name


def _whole_paths(update: Update) -> Iterator[Sequence[str]]:
    if not isinstance(update, Mapping):
        return
    for operator, operands in update.items():
        for path, operand in operands.items():
            if operator in _PUSHING and not (
                isinstance(operand, dict) and operand.keys() & _ELSEWHERE
            ):
                continue
            yield path.split(".")
            if operator == "$rename":
                yield operand.split(".")


def _matches(pattern: Sequence[str], path: Path) -> bool:
    return len(pattern) == len(path) and all(
        wanted == str(part) or wanted.startswith("$")
        for wanted, part in zip(pattern, path, strict=True)
    )
