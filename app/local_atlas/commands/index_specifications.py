"""What a client may ask of a new ordinary index, and how it goes with those that there are.

https://www.mongodb.com/docs/manual/reference/command/createIndexes/
"""

from typing import Any, Final

from ..errors import NOT_EMULATED, CommandError, bad_value, failed_to_parse
from ..mql.bson_text import render
from ..mql.bson_types import is_number, is_string, is_true, type_name
from ..mql.numbers import to_int64
from ..ordinary_indexes import OrdinaryIndex
from ..partial_indexes import check_partial_filter
from .fields import collation_field, document_field, unknown_field

Document = dict[str, Any]

_MAX_LIFETIME_S: Final = (1 << 31) - 1
_KNOWN_OPTIONS: Final = frozenset({
    "key", "name", "unique", "sparse", "partialFilterExpression", "expireAfterSeconds", "hidden",
    "background", "v", "ns", "collation", "dropDups",
})  # fmt: skip
_FLAGS: Final = ("unique", "sparse", "hidden")
_STORED_OPTIONS: Final = ("unique", "sparse", "partialFilterExpression", "hidden")
# Indexes on one key that differ in these stand beside each other.
_IDENTITY: Final = ("unique", "sparse", "partialFilterExpression", "collation")


def checked_specification(wanted: Document) -> Document:
    """Return what is stored of an index, in the order in which `listIndexes` shows it.

    Raises:
        CommandError: something of it is malformed or not emulated.
    """
    key = document_field(wanted, "key")
    _check_key(key)
    for option in wanted:
        if option not in _KNOWN_OPTIONS:
            raise unknown_field("createIndexes.indexes", option, f" {NOT_EMULATED}")
    name = wanted.get("name")
    if not is_string(name) or not name:
        raise failed_to_parse(
            f"The 'name' field is a required property of an index specification, not {name!r}"
        )
    stored = {option: wanted[option] for option in _STORED_OPTIONS if _is_set(wanted, option)}
    if "partialFilterExpression" in wanted:
        check_partial_filter(document_field(wanted, "partialFilterExpression"))
    if "expireAfterSeconds" in wanted:
        stored["expireAfterSeconds"] = checked_lifetime(wanted["expireAfterSeconds"], key)
    if "background" in wanted:  # it means nothing any more, and is shown all the same
        stored["background"] = wanted["background"]
    collation = collation_field(wanted)
    if collation is not None:
        stored["collation"] = collation.document()
    if is_id_pattern(key) and stored.get("hidden"):
        raise bad_value("can't hide _id index")
    return {"v": 2, "key": key, "name": name, **stored}


def checked_lifetime(seconds: Any, key: Document) -> Any:
    """Return the `expireAfterSeconds` of an index on this key.

    Raises:
        CommandError: 67 or 197, it is no such number, or the key is none that expires.
    """
    option = "TTL index 'expireAfterSeconds' option"
    if not is_number(seconds):
        raise _cannot_create(
            f"{option} must be numeric, but received a type of '{type_name(seconds)}'"
        )
    whole = to_int64(seconds)
    if whole is None or not 0 <= whole <= _MAX_LIFETIME_S:
        message = f"{option} must be within the range 0 to {_MAX_LIFETIME_S}, not {render(seconds)}"
        raise _cannot_create(message)
    if len(key) > 1:
        message = "TTL indexes are single-field indexes, compound indexes do not support TTL."
        raise _cannot_create(f"{message} Index key: {render(key)}")
    if "_id" in key:
        message = "The field 'expireAfterSeconds' is not valid for an _id index specification."
        raise CommandError(197, "InvalidIndexSpecificationOption", message)
    return seconds


def exists_already(indexes: tuple[OrdinaryIndex, ...], wanted: Document) -> bool:
    """Tell whether this very index exists.

    Args:
        indexes: those that there are.
        wanted: as `checked_specification` gives it.

    Raises:
        CommandError: 86 or 85, another one has its name or its key.
    """
    if is_id_pattern(wanted["key"]):
        return True
    for index in indexes:
        is_same = _identity(index.specification) == _identity(wanted)
        if index.name == wanted["name"]:
            _refuse_other(index.specification, wanted, is_same=is_same)
            return True
        if is_same:
            message = f"Index already exists with a different name: {index.name}"
            raise CommandError(85, "IndexOptionsConflict", message)
    return False


def same_key(pattern: Document, index: OrdinaryIndex) -> bool:
    """Tell whether an index has this key, in this order."""
    return list(pattern.items()) == list(index.specification["key"].items())


def is_id_pattern(pattern: Any) -> bool:
    """Tell whether a key is that of the index of `_id`."""
    return isinstance(pattern, dict) and list(pattern.items()) == [("_id", 1)]


def _refuse_other(existing: Document, wanted: Document, *, is_same: bool) -> None:
    shown = f"Requested index: {render(wanted)}, existing index: {render(existing)}"
    if not is_same:
        raise CommandError(
            86,
            "IndexKeySpecsConflict",
            "An existing index has the same name as the requested index. When index names are "
            "not specified, they are auto generated and can cause conflicts. Please refer to "
            f"our documentation. {shown}",
        )
    if existing.get("expireAfterSeconds") != wanted.get("expireAfterSeconds"):
        message = "An equivalent index already exists with the same name but different options."
        raise CommandError(85, "IndexOptionsConflict", f"{message} {shown}")


def _identity(specification: Document) -> list[Any]:
    options = [specification.get(option) for option in _IDENTITY]
    return [list(specification["key"].items()), *options]


def _is_set(wanted: Document, option: str) -> bool:
    if option in _FLAGS:
        return is_true(wanted.get(option))
    return option in wanted


def _check_key(key: Document) -> None:
    if not key:
        raise _cannot_create("Index keys cannot be empty.")
    for path, direction in key.items():
        if is_string(direction) or "$**" in path:
            raise _cannot_create(f"Unknown index plugin '{direction}' for '{path}' {NOT_EMULATED}")
        if isinstance(direction, bool) or not is_number(direction) or not is_true(direction):
            raise _cannot_create(
                f"Values in v:2 index key pattern must be numbers > 0 or < 0 or strings, not "
                f"{render(direction)}"
            )
        if not path or path.startswith("$") or "" in path.split("."):
            raise _cannot_create(f"Index keys cannot be called '{path}'.")


def _cannot_create(message: str) -> CommandError:
    return CommandError(67, "CannotCreateIndex", message)
