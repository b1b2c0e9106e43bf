"""`POST /search`, `/search/image`, `/search/text`: what looks like this? And what to ask for."""

from typing import Any

from flask import Blueprint, request

from app.routes.composed_body import NextPage, parse_composed
from app.routes.parsing import (
    check_text,
    parse_image_body,
    parse_limit,
    parse_query,
    parse_text_body,
)
from app.routes.serialization import answer_to_json, composed_to_json
from app.service import current_service

bp = Blueprint("search", __name__, url_prefix="/search")


@bp.post("")
def composed() -> dict[str, Any]:
    """Answer with what is like some inputs, unlike others, and as the options want it."""
    service = current_service()
    asked = parse_composed(request, service)
    if isinstance(asked, NextPage):
        answer = service.similar.next_page(asked.cursor, limit=asked.limit, fields=asked.fields)
    else:
        answer = service.similar.search(asked)
    return composed_to_json(answer, service)


@bp.post("/image")
def by_image() -> dict[str, Any]:
    """Answer with items similar to an uploaded picture."""
    service = current_service()
    content = parse_image_body(request)
    limit = parse_limit(request.values.get("limit"))
    condition = parse_query(request.values, service.index)
    pixels = service.prepare(content)
    return answer_to_json(
        service.similar.to_prepared(pixels, limit=limit, condition=condition), service
    )


@bp.get("/suggestions")
def suggestions() -> dict[str, Any]:
    """Answer with how the text that somebody is typing may go on."""
    service = current_service()
    typed = check_text(request.args.get("text"), "text")
    limit = parse_limit(request.args.get("limit"))
    condition = parse_query(request.args, service.index, other=("limit", "text"))
    return {"suggestions": service.similar.suggestions(typed, limit=limit, condition=condition)}


@bp.post("/text")
def by_text() -> dict[str, Any]:
    """Answer with items that a sentence describes."""
    service = current_service()
    text, limit, condition = parse_text_body(request, service.index)
    return answer_to_json(service.similar.to_text(text, limit=limit, condition=condition), service)
