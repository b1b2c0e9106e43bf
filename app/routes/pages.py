"""`GET /`: the page; and `GET /filters`: what a person can choose from on it."""

import logging
from typing import Any

from flask import Blueprint, Response, jsonify, render_template

from app.db import database_errors
from app.errors import DatabaseUnavailable, ServiceError
from app.indexes import SearchIndex
from app.service import Service, current_service

MAX_CHOICES = 60
CHOICES_MAX_AGE_S = 30

logger = logging.getLogger(__name__)

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> str:
    """Answer with the page; it asks for everything else itself."""
    lexical = current_service().lexical
    return render_template("index.html", suggests=lexical is not None and lexical.completions)


@bp.get("/filters")
def filters() -> Response:
    """Answer with the filterable fields that have few enough values to choose from, in order."""
    service = current_service()
    fields = [
        {"field": field, "type": service.index.filter_types[field], "values": values}
        for field in _choosable_fields(service.index)
        if (values := _values(service, field))
    ]
    response = jsonify({"filters": fields})
    response.cache_control.private = True
    response.cache_control.max_age = CHOICES_MAX_AGE_S
    return response


def _choosable_fields(index: SearchIndex) -> list[str]:
    """Return the fields of words and of yes or no, save those that tell items apart."""
    left_out = {"_id", "product_id", index.embedded_by_path}
    return [
        field
        for field, filter_type in index.filter_types.items()
        if filter_type in ("token", "boolean") and field not in left_out
    ]


def _values(service: Service, field: str) -> list[Any]:
    """Return a field's values, none where they are too many to list or to find in time.

    Raises:
        DatabaseUnavailable: the database cannot be reached.
    """
    try:
        with database_errors(service.settings.database_label):
            found = service.collection.distinct(field, maxTimeMS=service.settings.max_time_ms)
    except DatabaseUnavailable:
        raise
    except ServiceError as error:
        logger.warning("Values of %s are not offered as a filter: %s", field, error.message)
        return []
    expected = bool if service.index.filter_types[field] == "boolean" else str
    values = sorted(value for value in found if isinstance(value, expected))
    return values if len(values) <= MAX_CHOICES else []
