"""What a projection does to a document: fields kept, dropped and computed, at any depth.

Arrays on the way are mapped, element by element, nested arrays too.
https://www.mongodb.com/docs/manual/reference/operator/aggregation/project/
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..errors import CommandError
from .expression_compiler import Evaluate, Variables, check_field_path
from .paths import MISSING, Document, as_document
from .rows import Row


@dataclass(slots=True)
class Node:
    """One level of a projection.

    Attributes:
        marked: fields that are kept, or dropped, whole.
        trims: what is done to kept values (`$slice` of find).
        computed: fields that get a new value.
        children: the levels below.
    """

    marked: set[str] = field(default_factory=set)
    trims: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    computed: dict[str, Evaluate] = field(default_factory=dict)
    children: "dict[str, Node]" = field(default_factory=dict)
    order: list[str] = field(default_factory=list)  # of computed fields and children

    @property
    def computes(self) -> bool:
        """Tell whether a field is computed here or below."""
        return bool(self.computed) or any(child.computes for child in self.children.values())

    def mark(self, path: str) -> None:
        """Keep, or drop, a path whole."""
        node, name = self._leaf(path)
        node.marked.add(name)

    def trim(self, path: str, change: Callable[[Any], Any]) -> None:
        """Keep a path changed."""
        node, name = self._leaf(path)
        node.trims[name] = change

    def compute(self, path: str, evaluate: Evaluate) -> None:
        """Give a path a new value."""
        node, name = self._leaf(path)
        node.computed[name] = evaluate
        node.order.append(name)

    def _leaf(self, path: str) -> "tuple[Node, str]":
        """Return the level that holds a path's last component, made where it is missing.

        Raises:
            CommandError: 31249, 31250 where another path of the projection collides.
        """
        check_field_path(path)
        *parents, name = path.split(".")
        node = self
        for depth, part in enumerate(parents, start=1):
            if node._is_leaf(part):
                rest = ".".join([*parents, name][depth:])
                message = f"Path collision at {path} remaining portion {rest}"
                raise CommandError(31249, "Location31249", message)
            if part not in node.children:
                node.children[part] = Node()
                node.order.append(part)
            node = node.children[part]
        if node._is_leaf(name) or name in node.children:
            raise CommandError(31250, "Location31250", f"Path collision at {path}")
        return node, name

    def _is_leaf(self, name: str) -> bool:
        return name in self.marked or name in self.computed or name in self.trims


def include(node: Node, document: Document) -> Document:
    """Return the marked fields of a document, in the document's order."""
    kept: Document = {}
    for name, value in document.items():
        if name in node.marked:
            kept[name] = value
        elif name in node.trims:
            kept[name] = node.trims[name](value)
        elif name in node.children:
            child = node.children[name]
            inner = _map_documents(value, partial(include, child))
            if inner is not MISSING:
                kept[name] = inner
    return kept


def exclude(node: Node, document: Document) -> Document:
    """Return a document without the marked fields."""
    kept: Document = {}
    for name, value in document.items():
        if name in node.marked:
            continue
        if name in node.trims:
            kept[name] = node.trims[name](value)
        elif name in node.children:
            child = node.children[name]
            inner = _map_documents(value, partial(exclude, child))
            kept[name] = _with_scalars(value, inner)
        else:
            kept[name] = value
    return kept


def _map_documents(value: Any, change: Callable[[Document], Document]) -> Any:
    """Apply a change to a document or the documents of an array; `MISSING` for any other value."""
    if isinstance(value, list):
        inner = (_map_documents(item, change) for item in value)
        return [item for item in inner if item is not MISSING]
    document = as_document(value)
    return MISSING if document is None else change(document)


def _with_scalars(old: Any, changed: Any) -> Any:
    """Put back the values that are no documents, which `_map_documents` leaves out."""
    if changed is MISSING:
        return old
    if not isinstance(old, list):
        return changed
    remaining = iter(changed)
    return [
        _with_scalars(item, next(remaining))
        if isinstance(item, list) or as_document(item) is not None
        else item
        for item in old
    ]


def compute(node: Node, document: Document, row: Row, variables: Variables) -> Document:
    """Return a document with the computed fields set; one that comes out missing is taken away."""
    changed = dict(document)
    for name in node.order:
        if name in node.computed:
            value = node.computed[name](row, variables)
        else:
            child = node.children[name]
            if not child.computes:
                continue
            value = _compute_value(child, changed.get(name, MISSING), row, variables)
        if value is MISSING:
            changed.pop(name, None)
        else:
            changed[name] = value
    return changed


def _compute_value(node: Node, value: Any, row: Row, variables: Variables) -> Any:
    if isinstance(value, list):
        return [_compute_value(node, item, row, variables) for item in value]
    document = as_document(value)
    return compute(node, {} if document is None else document, row, variables)
