"""Sort orders: one byte string per row that compares as the sort specification says.

An array sorts by its smallest element upwards and by its greatest downwards, an empty one before
null; fields of one array are taken from one element, and two different arrays are refused.
https://www.mongodb.com/docs/manual/reference/method/cursor.sort/#ascending-descending-sort
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ..errors import CommandError, bad_value
from .bson_order import UNDEFINED_KEY, sort_key
from .bson_text import render_field
from .bson_types import is_number, is_string
from .expression_compiler import Scope, check_field_path
from .metadata import KINDS, SORTABLE, compile_meta
from .numbers import exact_int64
from .paths import MISSING, Document, array_index, as_document
from .rows import Row

_INVERT: Final = bytes(range(255, -1, -1))  # keys end themselves, so inverted bytes sort downwards
_PARALLEL: Final = "cannot sort with keys that are parallel arrays"
_MANY: Final = object()
_Part = tuple[tuple[str, ...], bool]  # a path's components; whether it sorts downwards


def compile_sort(specification: Any, scope: Scope | None = None) -> Callable[[Row], bytes]:
    """Compile a sort specification into the key of a row; without a scope there is no metadata.

    Raises:
        CommandError: 15973 to 15976 for what is no specification, 40218 for metadata that no
            earlier stage provides, 2 (when a key is made) for parallel arrays.
    """
    if not isinstance(specification, Mapping):
        raise _bad_sort(15973, "the $sort key specification must be an object")
    if not specification:
        raise _bad_sort(15976, "$sort stage must have at least one sort key")
    names = {name: order for name, order in specification.items() if not isinstance(order, dict)}
    for name, order in names.items():
        check_field_path(name)
        _check_order(name, order)
    if list(specification) == ["_id"] and names:
        is_down = exact_int64(specification["_id"]) == -1
        return lambda row: _leaf_key(row.id, is_down=is_down)
    if len(names) == len(specification):
        key = compile_sort_key(names)
        return lambda row: key(row.document)
    return _compile_mixed(specification, scope or Scope(metadata=frozenset()))


def _compile_mixed(specification: Mapping[str, Any], scope: Scope) -> Callable[[Row], bytes]:
    """Compile a specification that sorts by metadata too, one field at a time."""
    keys: list[Callable[[Row], bytes]] = []
    for name, order in specification.items():
        if isinstance(order, dict):
            keys.append(_compile_meta_order(name, order, scope))
        else:
            keys.append(compile_sort({name: order}))
    return lambda row: b"".join([key(row) for key in keys])


def _compile_meta_order(
    name: str, order: Mapping[str, Any], scope: Scope
) -> Callable[[Row], bytes]:
    kind = order.get("$meta")
    if list(order) != ["$meta"]:
        raise _bad_sort(17312, f"$meta is the only expression supported by $sort right now: {name}")
    if is_string(kind) and kind in KINDS - SORTABLE:
        raise _bad_sort(31138, f"Illegal $meta sort: {render_field(name, dict(order))}")
    evaluate = compile_meta(kind, scope)
    return lambda row: sort_key(evaluate(row, {})).translate(_INVERT)


def _check_order(name: str, order: Any) -> None:
    if not is_number(order):
        shown = render_field(name, order)
        raise _bad_sort(15974, f"Illegal key in $sort specification: {shown}")
    if exact_int64(order) not in {1, -1}:
        message = "$sort key ordering must be 1 (for ascending) or -1 (for descending)"
        raise _bad_sort(15975, message)


def compile_sort_key(orders: Mapping[str, Any]) -> Callable[[Document], bytes]:
    """Compile checked orders (path: 1 or -1) into the key of a document."""
    parts = [(tuple(path.split(".")), exact_int64(order) == -1) for path, order in orders.items()]
    if len(parts) == 1 and len(parts[0][0]) == 1:
        ((name,), is_down), *_ = parts
        return lambda document: _leaf_key(document.get(name, MISSING), is_down=is_down)
    return lambda document: _key(document, parts)


def _key(document: Document, parts: Sequence[_Part]) -> bytes:
    values = [_single(document, path) for path, _ in parts]
    if all(value is not _MANY for value in values):
        leaves = zip(values, parts, strict=True)
        return b"".join([_leaf_key(value, is_down=is_down) for value, (_, is_down) in leaves])
    array_prefixes = {prefix for path, _ in parts if (prefix := _array_prefix(document, path))}
    if len(array_prefixes) > 1:
        raise bad_value(_PARALLEL)
    shared = next(iter(array_prefixes), None)
    if shared is None or sum(path[: len(shared)] == shared for path, _ in parts) == 1:
        return b"".join([_best_key(document, path, is_down=is_down) for path, is_down in parts])
    return min(_key(single, parts) for single in _with_each_element(document, shared))


def _single(value: Any, path: tuple[str, ...]) -> Any:
    """Return the one value that a path reaches; `_MANY` where an array is on its way or its end."""
    for name in path:
        document = as_document(value)
        if document is None:
            return MISSING
        value = document.get(name, MISSING)
        if isinstance(value, list):
            return _MANY
    return value


def _best_key(document: Document, path: tuple[str, ...], *, is_down: bool) -> bytes:
    """Return the key of one path: the best that the arrays on the way offer."""
    keys = (_leaf_key(value, is_down=is_down) for value in _leaves(document, path, 0))
    return min(keys)


def _leaf_key(value: Any, *, is_down: bool) -> bytes:
    if isinstance(value, list):
        keys = [sort_key(item) for item in value] or [UNDEFINED_KEY]
        return max(keys).translate(_INVERT) if is_down else min(keys)
    key = sort_key(value)
    return key.translate(_INVERT) if is_down else key


def _leaves(value: Any, path: tuple[str, ...], depth: int) -> Iterator[Any]:
    """Yield what a path reaches, `MISSING` where an array element lacks it; at least one value."""
    if depth == len(path):
        yield value
    elif isinstance(value, list):
        index = array_index(path[depth])
        if index is not None and index < len(value):
            yield from _leaves(value[index], path, depth + 1)
        elif not value:
            yield MISSING
        else:
            for item in value:
                if isinstance(item, list):
                    yield MISSING
                else:
                    yield from _leaves(item, path, depth)
    else:
        document = as_document(value)
        if document is None:
            yield MISSING
        else:
            yield from _leaves(document.get(path[depth], MISSING), path, depth + 1)


def _array_prefix(document: Document, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the part of a path at which the first array stands."""
    value: Any = document
    for depth, name in enumerate(path):
        value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
        if isinstance(value, list):
            following = path[depth + 1 : depth + 2]
            if following and array_index(following[0]) is not None:
                return None
            return path[: depth + 1]
    return None


def _with_each_element(document: Document, prefix: tuple[str, ...]) -> Iterator[Document]:
    """Yield the document once for each element of an array, the element in the array's place."""
    name = prefix[0]
    if len(prefix) > 1:
        for inner in _with_each_element(document[name], prefix[1:]):
            yield {**document, name: inner}
        return
    for item in document[name] or [MISSING]:
        yield {**document, name: None if isinstance(item, list) else item}


def _bad_sort(code: int, message: str) -> CommandError:
    return CommandError(code, f"Location{code}", message)
