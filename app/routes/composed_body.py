"""The body of `POST /search`: JSON, alone or in a part `query` beside the pictures.

Here every field must be known and of its type; what values may be is `app.composed.query`'s to
say. No picture is decoded before the whole body has been read.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any

import numpy as np
from flask import Request

from app.composed.plan import make_plan
from app.composed.query import (
    ComposedQuery,
    Input,
    Picture,
    Sentence,
    Source,
    StoredItem,
    check_query,
)
from app.composed.units import check_units
from app.documents import ItemId
from app.embedding.base import Pixels
from app.errors import BadRequest, UnsupportedMediaType
from app.filter_parser import parse_filter
from app.routes.json_values import (
    boolean,
    item_id,
    list_of,
    number,
    refuse_unknown,
    text,
    whole_number,
)
from app.routes.parsing import DEFAULT_LIMIT, check_text, parse_json
from app.routes.request_pictures import ImageLink, ImagePart, prepare_pictures
from app.service import Service

# Stands for a picture while the other fields are checked.
_BLANK: Pixels = np.empty((0, 0, 3), dtype=np.uint8)

_SOURCES = ("item_id", "image", "image_url", "text")


@dataclass(frozen=True, slots=True)
class _RawInput:
    source: StoredItem | ImagePart | ImageLink | Sentence
    weight: float


@dataclass(frozen=True, slots=True)
class NextPage:
    """A body that goes on with a search."""

    cursor: str
    limit: int = DEFAULT_LIMIT
    fields: tuple[str, ...] | None = None


def parse_composed(request: Request, service: Service) -> ComposedQuery | NextPage:
    """Return the search that a request asks for, its pictures prepared for the model.

    Raises:
        UnsupportedMediaType: the body is neither JSON nor multipart.
        BadRequest: a field is unknown, or not of its type; it names the field.
        TextNotSupported: as `make_plan`.
        FetchError: there is no picture at a URL.
        UnreadableImage: a picture cannot be read.
        ModelUnavailable: there is a picture, and the model is not loaded yet.
    """
    body, files = _read(request)
    if "cursor" in body:
        return _next_page(body, files, service)
    refuse_unknown(body, ("positive", "negative", "cursor", *_OPTIONS), "The body")
    positive, negative = (_raw_inputs(body, name, service) for name in ("positive", "negative"))
    options = _options(body, service)
    blank = repeat(_BLANK)
    query = ComposedQuery(_inputs(positive, blank), _inputs(negative, blank), **options)
    # Before anything is fetched or decoded:
    check_query(query, service.index)
    make_plan(query, service.lexical, embeds_text=service.embedder.supports_text)
    check_units(query, service.embedder.calibration)
    sources = [one.source for one in (*positive, *negative)]
    images = [one for one in sources if isinstance(one, ImagePart | ImageLink)]
    prepared = iter(prepare_pictures(images, files, service))
    return replace(
        query, positive=_inputs(positive, prepared), negative=_inputs(negative, prepared)
    )


def _next_page(body: dict[str, Any], files: dict[str, bytes], service: Service) -> NextPage:
    with_it = ("cursor", "limit", "fields")
    others = sorted({*body, *files} - set(with_it))
    if others:
        raise BadRequest(
            f"cursor cannot go with {others[0]!r}: it carries the rest of its search, expected "
            f"limit and fields at most."
        )
    return NextPage(text(body["cursor"], "cursor", service), **_options(body, service))


def _options(body: dict[str, Any], service: Service) -> dict[str, Any]:
    return {
        option: parse(body[name], name, service)
        for name, (option, parse) in _OPTIONS.items()
        if name in body
    }


def _read(request: Request) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the JSON object, and the files that came beside it by the names of their parts."""
    if request.args:
        raise BadRequest(
            f"POST /search takes {next(iter(request.args))!r} in the body, not in the query string."
        )
    if request.mimetype == "multipart/form-data":
        return _read_multipart(request)
    if not request.is_json:
        raise UnsupportedMediaType(
            "The body must be JSON, or multipart/form-data with the JSON in a part named query."
        )
    return _object(parse_json(request.get_data(), "The body"), "The body"), {}


def _read_multipart(request: Request) -> tuple[dict[str, Any], dict[str, bytes]]:
    parts = (*request.form.items(multi=True), *request.files.items(multi=True))
    counts = Counter(name for name, _ in parts)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise BadRequest(f"The multipart body has two parts named {twice!r}.")
    files = {name: part.read() for name, part in request.files.items()}
    written: str | bytes | None = request.form.get("query")
    if written is None:
        written = files.pop("query", None)
    if written is None:
        raise BadRequest('The multipart body must have a part named "query" with the JSON.')
    refuse_unknown(request.form, ("query",), "The multipart body")
    return _object(parse_json(written, "The part query"), "The part query"), files


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{what} must be a JSON object.")
    return value


def _raw_inputs(body: dict[str, Any], name: str, service: Service) -> list[_RawInput]:
    entries = body.get(name, [])
    if not isinstance(entries, list):
        raise BadRequest(f"{name} must be an array of inputs.")
    return [_raw_input(entry, f"{name}[{i}]", service) for i, entry in enumerate(entries)]


def _raw_input(entry: Any, where: str, service: Service) -> _RawInput:
    fields = _object(entry, where)
    refuse_unknown(fields, (*_SOURCES, "weight"), where)
    named = [name for name in _SOURCES if name in fields]
    if len(named) != 1:
        raise BadRequest(
            f"{where} has {' and '.join(named) or 'no source'}, expected exactly one of "
            f"{', '.join(_SOURCES)}."
        )
    value, where_value = fields[named[0]], f"{where}.{named[0]}"
    weight = number(fields.get("weight", 1.0), f"{where}.weight", service)
    if named[0] == "item_id":
        return _RawInput(StoredItem(item_id(value, where_value, service)), weight)
    if named[0] == "text":
        return _RawInput(Sentence(check_text(value, where_value)), weight)
    made = ImageLink if named[0] == "image_url" else ImagePart
    return _RawInput(made(text(value, where_value, service), where_value), weight)


def _inputs(raw: list[_RawInput], prepared: Iterator[Pixels]) -> tuple[Input, ...]:
    """Return the inputs; takes the next of `prepared` for each picture."""
    return tuple(Input(_source(one.source, prepared), one.weight) for one in raw)


def _source(
    raw: StoredItem | ImagePart | ImageLink | Sentence, prepared: Iterator[Pixels]
) -> Source:
    return Picture(next(prepared)) if isinstance(raw, ImagePart | ImageLink) else raw


def _filter(value: Any, name: str, service: Service) -> Any:
    return parse_filter(value, service.index.filter_types)


def _item_ids(value: Any, name: str, service: Service) -> tuple[ItemId, ...]:
    return list_of(item_id, value, name, service)


def _texts(value: Any, name: str, service: Service) -> tuple[str, ...]:
    return list_of(text, value, name, service)


# The body's name of an option -> that of `ComposedQuery`, and what reads its value.
_OPTIONS: dict[str, tuple[str, Callable[[Any, str, Service], Any]]] = {
    "filter": ("condition", _filter),
    "limit": ("limit", whole_number),
    "offset": ("offset", whole_number),
    "min_score": ("min_score", number),
    "min_raw_score": ("min_raw_score", number),
    "diversity": ("diversity", number),
    "group_by": ("group_by", text),
    "collapse": ("collapse", boolean),
    "exclude": ("exclude", _item_ids),
    "exact": ("exact", boolean),
    "num_candidates": ("num_candidates", whole_number),
    "fields": ("fields", _texts),
    "explain": ("explain", boolean),
    "trace": ("trace", item_id),
    "mode": ("mode", text),
    "fuzzy": ("fuzzy", whole_number),
}
