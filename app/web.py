"""The Flask application: blueprints, limits, headers, and errors as problem details (RFC 9457)."""

import contextlib
import io
from http import HTTPStatus
from typing import IO, Any

from flask import Flask, Request, Response, jsonify
from werkzeug.exceptions import HTTPException
from werkzeug.routing import PathConverter

from app import service as service_module
from app.config import Settings
from app.embedding import load_embedder
from app.embedding.base import Embedder
from app.errors import DatabaseUnavailable, ModelUnavailable, ServiceError
from app.fetching import Fetcher
from app.index_care.tuning import tuned
from app.indexes import read_index_file
from app.lexical_indexes import lexical_index
from app.routes import health, items, pages, search
from app.routes.serialization import BsonJsonProvider
from app.service import Service, check_dimensions, current_service, request_fetcher

# No inline script, nothing from elsewhere; pictures may come from a shop's URLs.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' {picture_schemes} blob: data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def build_app(settings: Settings, embedder: Embedder | None, fetcher: Fetcher | None) -> Flask:
    """Wire the application; see `app.create_app`."""
    app = Flask("app")
    app.request_class = _InMemoryRequest
    app.config["MAX_CONTENT_LENGTH"] = settings.max_content_length_bytes
    # The JSON beside pictures may be as long as one without: pictures can be in it, too.
    app.config["MAX_FORM_MEMORY_SIZE"] = settings.max_content_length_bytes
    app.json = BsonJsonProvider(app)
    app.url_map.converters["item_id"] = ItemIdConverter
    app.url_map.merge_slashes = False
    index = tuned(read_index_file(settings.index_file), settings.tuning_file)
    lexical = lexical_index(index, settings.lexical_index_file)

    def make_embedder() -> Embedder:
        return embedder or load_embedder(
            settings.model, vector_type=index.vector_type, precision=settings.model_precision
        )

    def make_fetcher() -> Fetcher | None:
        return (fetcher or request_fetcher(settings)) if settings.allow_image_urls else None

    service = Service(settings, index, lexical, make_embedder, make_fetcher)
    with contextlib.suppress(ModelUnavailable):  # loading tries again and tells in /readyz
        check_dimensions(service.embedder, index, settings)
    service_module.init_app(app, service)
    for blueprint in (search.bp, items.bp, health.bp, pages.bp):
        app.register_blueprint(blueprint)
    app.register_error_handler(ServiceError, _answer_service_error)
    app.register_error_handler(HTTPException, _answer_http_exception)
    app.register_error_handler(Exception, _answer_unexpected)
    app.after_request(_add_headers)
    service.start()
    return app


class ItemIdConverter(PathConverter):
    """An item's id in a path: any characters, slashes too, also at its start."""

    regex = "(?s:.+?)"
    part_isolating = False


class _InMemoryRequest(Request):
    """Keeps uploads in memory: by default a part over 500 kB would be written to a file."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return io.BytesIO()


def _answer_service_error(error: ServiceError) -> Response:
    if isinstance(error, DatabaseUnavailable):
        current_service().revive_local_atlas()
    response = _problem(error.status, error.title, error.message, error.code)
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "2"
    return response


def _answer_http_exception(error: HTTPException) -> Any:
    if error.response is not None or error.code is None or error.code < 400:
        return error
    status = HTTPStatus(error.code)
    response = _problem(status, status.phrase, str(error.description), status.name.lower())
    response.headers.extend(
        (name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")
    )
    return response


def _answer_unexpected(error: Exception) -> Response:
    service_module.logger.error("Unexpected error", exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _problem(
        status, status.phrase, "Something went wrong here; it is logged.", "internal_error"
    )


def _problem(status: int, title: str, detail: str, code: str) -> Response:
    body = {"type": "about:blank", "title": title, "status": int(status)}
    response = jsonify({**body, "detail": detail, "code": code})
    response.status_code = int(status)
    response.mimetype = "application/problem+json"
    return response


def _add_headers(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    schemes = "https: http:" if current_service().settings.allow_http_images else "https:"
    policy = CONTENT_SECURITY_POLICY.format(picture_schemes=schemes)
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response
