"""What requests carry, checked and converted: limits, filters, ids, pictures."""

import json
from collections import Counter
from typing import Any, TypeVar

from bson import ObjectId
from bson.errors import InvalidId
from flask import Request
from werkzeug.datastructures import MultiDict

from app.config import IdType
from app.documents import ItemId
from app.errors import BadRequest, ItemNotFound, UnsupportedMediaType
from app.filter_parser import field_filter, parse_filter
from app.filters import AnyOf, Filter, all_of
from app.indexes import SearchIndex

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
MAX_TEXT_LENGTH = 1000

T = TypeVar("T")


def parse_item_id(text: str, id_type: IdType) -> ItemId:
    """Return the `_id` that a path names.

    Raises:
        ItemNotFound: no id of this type reads like that.
    """
    try:
        if id_type == "objectId":
            return ObjectId(text)
        if id_type == "int":
            return _int64(text)
        text.encode()  # a command line can hold bytes that are no text
    except (InvalidId, ValueError) as error:
        raise ItemNotFound(
            f"No item has the id {text!r}; ids here are of type {id_type}."
        ) from error
    return text


def parse_limit(value: Any, *, default: int = DEFAULT_LIMIT, maximum: int = MAX_LIMIT) -> int:
    """Return a limit given as text or as a JSON number.

    Raises:
        BadRequest: it is no whole number from 1 to `maximum`.
    """
    if value is None:
        return default
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= maximum:
        raise BadRequest(f"limit ({value!r}) must be a whole number from 1 to {maximum}.")
    return value


def parse_query(
    parameters: MultiDict[str, str], index: SearchIndex, *, other: tuple[str, ...] = ("limit",)
) -> Filter | None:
    """Return the condition of a query string or form: `filter` as JSON, and `field=value` pairs.

    A field that is given several times matches any of its values.

    Raises:
        BadRequest: a parameter is neither known nor a filterable field, or a value is wrong.
    """
    conditions: list[Filter | None] = []
    for name, values in parameters.lists():
        if name in other:
            continue
        if name == "filter":
            conditions += [
                parse_filter(parse_json(text, "filter"), index.filter_types) for text in values
            ]
        else:
            choices = tuple(field_filter(name, text, index.filter_types) for text in values)
            conditions.append(choices[0] if len(choices) == 1 else AnyOf(choices))
    return all_of(*conditions)


def parse_json(text: str | bytes, what: str) -> Any:
    """Decode JSON.

    Raises:
        BadRequest: it is none, or an object in it has a name twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_with_each_name_once)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{what} is not valid JSON: {error}.") from error


def parse_text_body(request: Request, index: SearchIndex) -> tuple[str, int, Filter | None]:
    """Return text, limit and condition of the JSON body of `POST /search/text`.

    Raises:
        UnsupportedMediaType: the body is not sent as JSON.
        BadRequest: a field is unknown, missing or wrong.
    """
    if not request.is_json:
        raise UnsupportedMediaType("The body must be JSON, sent as Content-Type application/json.")
    body = parse_json(request.get_data(), "The body")
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object with a text.")
    unknown = sorted(set(body) - {"text", "limit", "filter"})
    if unknown:
        raise BadRequest(f"The body has an unknown field {unknown[0]!r}.")
    text = check_text(body.get("text"), "text")
    condition = parse_filter(body["filter"], index.filter_types) if "filter" in body else None
    return text, parse_limit(body.get("limit")), all_of(condition)


def check_text(text: Any, where: str) -> str:
    """Return what a model can be asked with.

    Raises:
        BadRequest: it is no string, blank or too long, or holds what is no character.
    """
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT_LENGTH:
        raise BadRequest(f"{where} must be a string of 1 to {MAX_TEXT_LENGTH} characters.")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # JSON can write it, no tokenizer takes it
        raise BadRequest(
            f"{where} holds half of a surrogate pair, which is no character."
        ) from error
    return text


def parse_image_body(request: Request) -> bytes:
    """Return the file of a multipart part `image`, or an `image/*` body.

    Raises:
        UnsupportedMediaType: the body is neither.
        BadRequest: the part is missing.
    """
    if request.mimetype == "multipart/form-data":
        part = request.files.get("image")
        if part is None:
            raise BadRequest('The multipart body must have a file part named "image".')
        content: bytes = part.read()
        return content
    if request.mimetype.startswith("image/"):
        return request.get_data()
    raise UnsupportedMediaType(
        'The body must be multipart/form-data with a part "image", or a picture sent as image/*.'
    )


def _with_each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:  # which one would be meant?
        raise ValueError(f"an object has {twice!r} twice")
    return dict(pairs)


def _int64(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63 or str(number) != text:
        raise ValueError(text)
    return number
