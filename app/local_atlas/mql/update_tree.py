"""The paths of an update as one tree, and its application to a document without changing it.

Parsing merges every path into the tree, where a conflict shows; applying walks tree and document
together and copies only what changes. Fields are visited in the order in which the server creates
them: by name, numbers by value.
https://www.mongodb.com/docs/manual/reference/operator/update/#behavior
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import CommandError, bad_value
from .bson_order import same
from .bson_text import render_field
from .paths import MISSING, Document, array_index, as_document

MAX_PADDING: Final = 1_500_000  # elements that may be added to reach an array position


@dataclass(frozen=True, slots=True)
class Situation:
    """What an edit may need to know beside the value it changes.

    Attributes:
        document: the document before the update.
        is_insert: an upsert makes this document.
        position: finds the array position that the query matched, for `$`.
        filters: the array filters by identifier.
    """

    document: Document
    is_insert: bool = False
    position: Callable[[Document], int | None] = lambda document: None
    filters: Mapping[str, Callable[[Any], bool]] = field(default_factory=dict)

    def describe_id(self) -> str:
        """Return how error texts name the document: `_id: 1`."""
        return render_field("_id", self.document["_id"]) if "_id" in self.document else "no id"


@dataclass(frozen=True, slots=True)
class Edit:
    """What happens at the end of one path.

    Attributes:
        apply: (old value, situation, path) -> new value, `MISSING` for no field; returns the very
            old value where nothing changes.
        ignores_bad_paths: a path that cannot exist in the document is passed over.
    """

    apply: Callable[[Any, Situation, str], Any]
    ignores_bad_paths: bool = False


@dataclass(slots=True)
class Branch:
    """An inner node: what happens to the fields or elements of a document or array."""

    children: "dict[str, Branch | Edit]" = field(default_factory=dict)

    @property
    def is_for_arrays(self) -> bool:
        """Tell whether the children are `$[]` or `$[identifier]`."""
        return any(is_array_part(part) for part in self.children)

    def add(self, path: str, edit: Edit) -> None:
        """Put an edit at a path.

        Raises:
            CommandError: 40 where another edit touches the same value.
        """
        parts = path.split(".")
        node = self
        for depth, part in enumerate(parts[:-1], start=1):
            child = node._child(part, ".".join(parts[:depth]), path)
            if child is None:
                child = node.children[part] = Branch()
            elif not isinstance(child, Branch):
                raise _conflict(path, ".".join(parts[:depth]))
            node = child
        if node._child(parts[-1], path, path) is not None:
            raise _conflict(path, path)
        node.children[parts[-1]] = edit

    def _child(self, part: str, at: str, path: str) -> "Branch | Edit | None":
        if self.children and is_array_part(part) != self.is_for_arrays:
            raise _conflict(path, at.rpartition(".")[0])
        return self.children.get(part)


def is_array_part(part: str) -> bool:
    """Tell whether a path component is `$[]` or `$[identifier]`."""
    return part.startswith("$[") and part.endswith("]")


def apply_tree(tree: Branch, situation: Situation) -> Document:
    """Return the situation's document with every edit applied; itself where nothing changes."""
    changed = _apply_branch(tree, situation.document, "", situation)
    assert isinstance(changed, dict)
    return changed


def _apply(node: Branch | Edit, value: Any, path: str, situation: Situation) -> Any:
    if isinstance(node, Edit):
        return node.apply(value, situation, path)
    return _apply_branch(node, value, path, situation)


def _apply_branch(branch: Branch, value: Any, path: str, situation: Situation) -> Any:
    if branch.is_for_arrays:
        return _apply_to_elements(branch, value, path, situation)
    if isinstance(value, list):
        return _apply_to_positions(branch, value, path, situation)
    document = {} if value is MISSING else as_document(value)
    if document is None:
        _refuse_below_scalar(branch, value, path, situation)
        return value
    changed: Document | None = None
    for part, child in _ordered(branch, situation):
        old = document.get(part, MISSING)
        new = _apply(child, old, _join(path, part), situation)
        if new is old:
            continue
        changed = dict(document) if changed is None else changed
        if new is MISSING:
            changed.pop(part, None)
        else:
            changed[part] = new
        document = changed
    return value if changed is None else changed


def _apply_to_positions(branch: Branch, array: list[Any], path: str, situation: Situation) -> Any:
    changed = array
    for part, child in _ordered(branch, situation):
        index = array_index(part)
        if index is None:
            _refuse_bad_path(child, array, path, part, situation)
            continue
        old = changed[index] if index < len(changed) else MISSING
        new = _apply(child, old, _join(path, part), situation)
        if new is old:
            continue
        if changed is array:
            changed = list(array)
        if index >= len(changed):
            _pad(changed, index)
        changed[index] = None if new is MISSING else new
    return changed


def _pad(array: list[Any], index: int) -> None:
    padding = index + 1 - len(array)
    if padding > MAX_PADDING:
        message = f"can't backfill more than {MAX_PADDING} elements"
        raise CommandError(34, "CannotBackfillArray", message)
    array.extend([None] * padding)


def _apply_to_elements(branch: Branch, value: Any, path: str, situation: Situation) -> Any:
    if value is MISSING:
        raise bad_value(
            f"The path '{path}' must exist in the document in order to apply array updates."
        )
    if not isinstance(value, list):
        shown = render_field(path.rpartition(".")[2], value)
        raise bad_value(f"Cannot apply array updates to non-array element {shown}")
    changed = []
    for index, old in enumerate(value):
        new = old
        for part, child in branch.children.items():
            identifier = part[2:-1]
            if not identifier or situation.filters[identifier](old):
                new = _apply(child, new, f"{path}.{index}", situation)
        changed.append(None if new is MISSING else new)
    return changed if any(map(_is_other, changed, value)) else value


def _is_other(a: Any, b: Any) -> bool:
    return a is not b


def _ordered(branch: Branch, situation: Situation) -> list[tuple[str, Branch | Edit]]:
    named = []
    for part, child in branch.children.items():
        if part == "$":
            position = situation.position(situation.document)
            if position is None:
                raise bad_value(
                    "The positional operator did not find the match needed from the query."
                )
            named.append((str(position), child))
        else:
            named.append((part, child))
    return sorted(named, key=_part_order)


def _part_order(item: tuple[str, Any]) -> tuple[int, int, str]:
    index = array_index(item[0])
    return (1, 0, item[0]) if index is None else (0, index, "")


def _refuse_below_scalar(branch: Branch, value: Any, path: str, situation: Situation) -> None:
    for part, child in _ordered(branch, situation):
        _refuse_bad_path(child, value, path, part, situation)


def _refuse_bad_path(
    node: Branch | Edit, value: Any, path: str, part: str, situation: Situation
) -> None:
    """Raise where an edit wants a field inside a value that cannot hold it."""
    shown = f"{{{render_field(path.rpartition('.')[2], value)}}}"
    if _apply(node, MISSING, _join(path, part), situation) is not MISSING:
        raise _path_not_viable(f"Cannot create field '{part}' in element {shown}")
    edits = [node] if isinstance(node, Edit) else _edits(node)
    if not all(edit.ignores_bad_paths for edit in edits):
        raise _path_not_viable(
            f"Cannot use the part ({part}) of ({_join(path, part)}) to traverse the element "
            f"({shown})"
        )


def _edits(branch: Branch) -> list[Edit]:
    found: list[Edit] = []
    for child in branch.children.values():
        found += [child] if isinstance(child, Edit) else _edits(child)
    return found


def keep_if_same(old: Any, new: Any) -> Any:
    """Return the old value where the new one is stored alike, so that nothing counts as changed."""
    return old if old is not MISSING and same(old, new) else new


def _join(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part


def _conflict(path: str, at: str) -> CommandError:
    return CommandError(
        40,
        "ConflictingUpdateOperators",
        f"Updating the path '{path}' would create a conflict at '{at}'",
    )


def _path_not_viable(message: str) -> CommandError:
    return CommandError(28, "PathNotViable", message)
