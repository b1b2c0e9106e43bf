"""The document that an upsert starts from: what the query says that a match would hold."""

from collections.abc import Iterator, Mapping
from typing import Any

from bson import Regex

from ..errors import CommandError
from .conditions import is_operator_document
from .paths import MISSING, Document
from .update_tree import Branch, Edit, Situation, apply_tree


def document_of_query(query: Mapping[str, Any]) -> Document:
    """Return the fields that a query fixes by equality, at the top or under `$and`.

    Raises:
        CommandError: 54 where a path is fixed twice, or both it and a path below it.
    """
    document: Document = {}
    paths: list[str] = []
    for path, value in _equalities(query):
        _check_conflict(path, paths)
        paths.append(path)
        tree = Branch()
        tree.add(path, _set_to(value))
        document = apply_tree(tree, Situation(document))
    return document


def _equalities(query: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, operand in query.items():
        if name == "$and" or (name == "$or" and len(operand) == 1):
            for part in operand:
                yield from _equalities(part)
        elif not name.startswith("$"):
            value = _fixed_value(operand)
            if value is not MISSING:
                yield name, value


def _fixed_value(operand: Any) -> Any:
    if not is_operator_document(operand):
        return MISSING if isinstance(operand, Regex) else operand
    if "$eq" in operand:
        return operand["$eq"]
    for name in ("$in", "$all"):
        values = operand.get(name)
        if isinstance(values, list) and len(values) == 1:
            only = values[0]
            is_condition = is_operator_document(only) or isinstance(only, Regex)
            return MISSING if is_condition else only
    return MISSING


def _set_to(value: Any) -> Edit:
    return Edit(lambda old, situation, at: value)


def _check_conflict(path: str, paths: list[str]) -> None:
    for other in paths:
        if path == other:
            reason = f"path '{path}' is matched twice"
        elif path.startswith(f"{other}.") or other.startswith(f"{path}."):
            reason = f"both paths '{path}' and '{other}' are matched"
        else:
            continue
        message = f"cannot infer query fields to set, {reason}"
        raise CommandError(54, "NotSingleValueField", message)
