"""JSON values of one type each, refused by the name of their field.

All readers take the value, where it stands in the body, and the service; so they fit one table.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from app.documents import ItemId
from app.errors import BadRequest
from app.routes.parsing import parse_item_id
from app.service import Service

T = TypeVar("T")


def refuse_unknown(names: Iterable[str], known: Sequence[str], what: str) -> None:
    """Refuse a name that is not known.

    Raises:
        BadRequest: naming the first one, and those that are known.
    """
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise BadRequest(
            f"{what} has an unknown field {unknown[0]!r}, expected {', '.join(known)}."
        )


def number(value: Any, where: str, service: Service) -> float:
    """Return a finite number; raises `BadRequest` for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # An integer may be one that no float holds.
    if not is_number or not -1e308 < value < 1e308 or not math.isfinite(value):
        raise BadRequest(f"{where} ({_shown(value)}) must be a finite number.")
    return float(value)


def whole_number(value: Any, where: str, service: Service) -> int:
    """Return an integer of 64 bits; raises `BadRequest` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(f"{where} ({_shown(value)}) must be a whole number.")
    if not -(2**63) <= value < 2**63:  # sums with it might have more digits than Python writes
        raise BadRequest(f"{where} ({_shown(value)}) must be a whole number of 64 bits.")
    return value


def boolean(value: Any, where: str, service: Service) -> bool:
    """Return true or false; raises `BadRequest` for anything else."""
    if not isinstance(value, bool):
        raise BadRequest(f"{where} ({_shown(value)}) must be true or false.")
    return value


def text(value: Any, where: str, service: Service) -> str:
    """Return a string that can be encoded; raises `BadRequest` for anything else."""
    if not isinstance(value, str):
        raise BadRequest(f"{where} ({_shown(value)}) must be a string.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadRequest(f"{where} holds half of a surrogate pair, no character.") from error
    return value


def item_id(value: Any, where: str, service: Service) -> ItemId:
    """Return an `_id` of the type that the settings name; a number may stand for its digits.

    Raises:
        BadRequest: it is neither a string nor, where ids are integers, a whole number.
        ItemNotFound: no id of this type reads like that.
    """
    id_type = service.settings.id_type
    if id_type == "int" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return parse_item_id(text(value, where, service), id_type)


def list_of(
    read: Callable[[Any, str, Service], T], value: Any, where: str, service: Service
) -> tuple[T, ...]:
    """Return the values of an array; raises `BadRequest` for anything else, and as `read` does."""
    if not isinstance(value, list):
        raise BadRequest(f"{where} ({_shown(value)}) must be an array.")
    return tuple(read(one, f"{where}[{i}]", service) for i, one in enumerate(value))


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
