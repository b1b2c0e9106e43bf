"""`/items`: the gallery, one item, its picture, and what is similar to it."""

import io
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, redirect, request, send_file
from PIL import Image, UnidentifiedImageError

from app.buckets import is_bucket
from app.config import Settings
from app.db import database_errors
from app.documents import quoted_id
from app.errors import ImageNotFound, ItemNotFound
from app.fetching import FetchError, parse_url
from app.filters import all_of, to_mql
from app.layouts import picture_uri, picture_uri_paths
from app.routes.parsing import parse_item_id, parse_limit, parse_query
from app.routes.serialization import answer_to_json
from app.service import Service, current_service
from app.stored_pictures import is_stored, read_stored

DEFAULT_PAGE_SIZE = 48
IMAGE_MAX_AGE_S = 3600
# Only pictures leave the gallery's folder, and none that can carry a script.
SERVED_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

bp = Blueprint("items", __name__, url_prefix="/items")


@bp.get("")
def browse() -> dict[str, Any]:
    """Answer with a page of the gallery, in the order of ids; `after` continues it."""
    service = current_service()
    limit = parse_limit(request.args.get("limit"), default=DEFAULT_PAGE_SIZE)
    condition = all_of(parse_query(request.args, service.index, other=("limit", "after")))
    query = to_mql(condition) if condition is not None else {}
    if "after" in request.args:
        after = parse_item_id(request.args["after"], service.settings.id_type)
        query = {"$and": [{"_id": {"$gt": after}}, query]}
    with database_errors(service.settings.database_label):
        found = list(
            service.collection.find(query, {service.index.path: 0})
            .sort("_id", 1)
            .limit(limit + 1)
            .max_time_ms(service.settings.max_time_ms)
        )
    items = found[:limit]
    return {"items": items, "next": items[-1]["_id"] if len(found) > limit else None}


@bp.get("/<item_id:item_id>")
def show(item_id: str) -> dict[str, Any]:
    """Answer with an item without its embedding."""
    service = current_service()
    return _find(service, item_id, {service.index.path: 0})


@bp.get("/<item_id:item_id>/similar")
def similar(item_id: str) -> dict[str, Any]:
    """Answer with the items most similar to an item, itself left out."""
    service = current_service()
    answer = service.similar.to_item(
        parse_item_id(item_id, service.settings.id_type),
        limit=parse_limit(request.args.get("limit")),
        condition=parse_query(request.args, service.index),
    )
    return answer_to_json(answer, service)


@bp.get("/<item_id:item_id>/image")
def image(item_id: str) -> Any:
    """Answer with an item's picture, or with a redirect to its URL.

    Only what lies in the database, under GALLERY_ROOT or below GALLERY_BUCKET is read here.
    """
    service = current_service()
    paths = picture_uri_paths(service.index)
    uri = picture_uri(_find(service, item_id, dict.fromkeys(paths, 1)), service.index)
    if is_stored(uri):
        content = _stored_content(service, item_id, uri)
        return _send_content(content, f"Item {quoted_id(item_id)} has no picture at {uri}.")
    if isinstance(uri, str) and is_bucket(uri):
        content = service.read_from_bucket(uri)
        shown = quoted_id(item_id)
        return _send_content(content, f"Item {shown} has no picture below GALLERY_BUCKET.")
    if isinstance(uri, str) and "://" in uri:
        return redirect(_shown_to_browsers(uri, service.settings))
    path = _gallery_file(uri, service.settings.gallery_root)
    mime_type = _sniffed_type(path) if path is not None else None
    if path is None or mime_type is None:
        raise ImageNotFound(f"Item {quoted_id(item_id)} has no picture under GALLERY_ROOT.")
    response: Response = send_file(path, mimetype=mime_type, max_age=IMAGE_MAX_AGE_S)
    return response


def _stored_content(service: Service, item_id: str, uri: str) -> bytes | None:
    with database_errors(service.settings.database_label):
        parsed_id = parse_item_id(item_id, service.settings.id_type)
        return read_stored(service.collection, parsed_id, uri)


def _send_content(content: bytes | None, problem: str) -> Response:
    """Send a picture's bytes; raise `ImageNotFound` where they are none."""
    mime_type = _sniffed_type(io.BytesIO(content)) if content is not None else None
    if content is None or mime_type is None:
        raise ImageNotFound(problem)
    response: Response = send_file(io.BytesIO(content), mimetype=mime_type, max_age=IMAGE_MAX_AGE_S)
    return response


def _find(service: Service, item_id: str, projection: dict[str, int]) -> dict[str, Any]:
    with database_errors(service.settings.database_label):
        document = service.collection.find_one(
            {"_id": parse_item_id(item_id, service.settings.id_type)},
            projection,
            max_time_ms=service.settings.max_time_ms,
        )
    if document is None:
        raise ItemNotFound(f"No item has the id {quoted_id(item_id)}.")
    return document


def _shown_to_browsers(uri: str, settings: Settings) -> str:
    """Return a URL that a browser may be sent to; it fetches the picture itself."""
    try:
        return str(parse_url(uri, allow_http=settings.allow_http_images))
    except FetchError as error:
        raise ImageNotFound(f"The item's picture cannot be shown: {error.message}") from error


def _gallery_file(uri: Any, root: Path) -> Path | None:
    """Return the file that a relative URI names, None unless it really lies under the root."""
    if not isinstance(uri, str) or "\0" in uri:
        return None
    real_root = root.resolve()
    path = (real_root / uri).resolve()
    return path if path.is_relative_to(real_root) and path.is_file() else None


def _sniffed_type(file: Path | io.BytesIO) -> str | None:
    """Return the media type that a file's own bytes tell, None where it is no picture."""
    try:
        with Image.open(file, formats=SERVED_FORMATS) as picture:
            return Image.MIME.get(picture.format or "")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return None
