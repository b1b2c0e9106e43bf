"""Every error that a caller of the service or of a script can meet.

A message is one sentence: what was wrong, with the offending value, and what was expected.
The service turns a `ServiceError` into problem details (RFC 9457), a script into one line on
stderr and exit code 1 (`ConfigError`: 2).
"""

from typing import ClassVar


class ServiceError(Exception):
    """An expected failure, with the HTTP status and the code it is answered with."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigError(ServiceError):
    """A setting, a model folder or an index file that cannot be used; ends the process at start."""

    code = "bad_configuration"
    title = "Bad configuration"


class BadRequest(ServiceError):
    """The request itself is wrong."""

    status = 400
    code = "bad_request"
    title = "Bad request"


class ItemNotFound(ServiceError):
    """No item has this id."""

    status = 404
    code = "item_not_found"
    title = "Item not found"


class ImageNotFound(ServiceError):
    """The item has no picture that may be served."""

    status = 404
    code = "image_not_found"
    title = "Image not found"


class ImageUnavailable(ServiceError):
    """The item's picture is elsewhere, and cannot be had from there now."""

    status = 503
    code = "image_unavailable"
    title = "Image unavailable"


class ItemNotEmbedded(ServiceError):
    """The item exists, but has no embedding that a search can start from."""

    status = 409
    code = "item_not_embedded"
    title = "Item has no embedding"


class UnsupportedMediaType(ServiceError):
    """A body of a type that the route does not read."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class UnreadableImage(ServiceError):
    """Bytes that are not a picture that can be read whole, or one over the pixel cap."""

    status = 422
    code = "unreadable_image"
    title = "Unreadable image"


class TextNotSupported(ServiceError):
    """A text query to a model without a text tower."""

    status = 422
    code = "text_not_supported"
    title = "Text not supported"


class ModelUnavailable(ServiceError):
    """The model is still loading, or its weights could not be had."""

    status = 503
    code = "model_unavailable"
    title = "Model unavailable"


class IndexNotReady(ServiceError):
    """The live index is missing, building, or does not fit its file, the data or the model."""

    status = 503
    code = "index_not_ready"
    title = "Index not ready"


class DatabaseUnavailable(ServiceError):
    """The database did not answer in time."""

    status = 503
    code = "database_unavailable"
    title = "Database unavailable"


class SearchTimeout(ServiceError):
    """The search took longer than its time limit (maxTimeMS)."""

    status = 504
    code = "search_timeout"
    title = "Search timed out"
