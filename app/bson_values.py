"""Values as the database stores them, with the options that the connection has (`app.db`)."""

from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion

_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    uuid_representation=UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)


def encode_document(document: dict[str, Any]) -> bytes:
    """Return a document's bytes; raises what `bson.encode` raises where it cannot be stored."""
    return bson.encode(document, codec_options=_OPTIONS)


def decode_document(encoded: bytes) -> dict[str, Any]:
    """Return the document of `encode_document`; raises what `bson.decode` raises for no BSON."""
    return bson.decode(encoded, codec_options=_OPTIONS)


def encode_value(value: Any) -> bytes:
    """Return bytes that are equal for equal values of one type, and differ between types."""
    return encode_document({"": value})


def decode_value(encoded: bytes) -> Any:
    """Return the value that `encode_value` was given."""
    return decode_document(encoded)[""]
