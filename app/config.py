"""Settings: the only reader of the environment and of `.env`.

Everything is read, converted and checked once; a bad value ends the process at start with one
sentence that names the variable. A variable of the environment wins over a line of `.env`.
"""

import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar, cast, get_args

from dotenv import dotenv_values
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from app.errors import ConfigError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

# https://www.mongodb.com/docs/manual/reference/limits/: fewer than 64 bytes
MAX_DATABASE_NAME_BYTES = 63

IdType = Literal["string", "objectId", "int"]
PrecisionSetting = Literal["auto", "fp32", "bf16"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; `.env.example` describes each key, its unit and its default.

    Attributes:
        mongodb_uri: empty for LocalAtlas; never in `repr`, it may hold a password.
    """

    mongodb_uri: str = field(default="", repr=False)
    local_atlas_path: Path = PROJECT_ROOT / ".local_atlas"
    local_atlas_strict: bool = False
    local_atlas_index_lag_ms: int = 0
    database: str = "shop"
    collection: str = "gallery"
    index_file: Path = PROJECT_ROOT / "atlas" / "gallery_knn.json"
    lexical_index_file: Path | None = None
    tuning_file: Path | None = None
    follow_switches: bool = True
    model: str = "clothing"
    model_precision: PrecisionSetting = "auto"
    gallery_root: Path = PROJECT_ROOT / "demo"
    gallery_bucket: str = ""
    id_type: IdType = "string"
    host: str = "127.0.0.1"
    port: int = 8000
    max_content_length_bytes: int = 10 * 1024 * 1024
    max_image_pixels: int = 50_000_000
    max_time_ms: int = 2000
    allow_image_urls: bool = False
    allow_http_images: bool = False
    fetch_max_bytes: int = 32 * 1024 * 1024
    fetch_timeout_ms: int = 60_000
    fetch_per_host: int = 8
    log_level: str = "INFO"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings.

        Args:
            environ: used instead of the environment and `.env` of the current folder.

        Raises:
            ConfigError: a value cannot be used; the message names the variable.
        """
        values = environ if environ is not None else _environment()
        given: dict[str, object] = {}
        for variable, (name, convert) in _VARIABLES.items():
            text = values.get(variable, "").strip()
            if text:
                given[name] = _converted(variable, text, convert)
        return cls(**given)  # type: ignore[arg-type]  # _VARIABLES pairs each field with its type

    def pointed_at(self, *, database: str | None, collection: str | None) -> "Settings":
        """Return settings for another database or collection; None keeps what is set.

        Raises:
            ConfigError: a name cannot be used; the message names the flag that gives it.
        """
        return replace(
            self,
            database=self.database
            if database is None
            else _converted("--database", database, _name),
            collection=self.collection
            if collection is None
            else _converted("--collection", collection, _collection_name),
        )

    @property
    def database_label(self) -> str:
        """Where the data is, fit for a log: the hosts of the URI without user and password."""
        if not self.mongodb_uri:
            return f"LocalAtlas at {self.local_atlas_path}"
        authority, _, _ = _split_uri(self.mongodb_uri)
        return authority.rpartition("@")[2]


def _environment() -> dict[str, str]:
    try:
        file_values = {key: value or "" for key, value in dotenv_values(".env").items()}
    except (OSError, ValueError) as error:
        raise ConfigError(f".env cannot be read: {error}.") from error
    return {**file_values, **os.environ}


def _converted(variable: str, text: str, convert: Callable[[str], T]) -> T:
    try:
        return convert(text)
    except ValueError as error:
        raise ConfigError(f"{variable} {error}.") from error


def _uri(text: str) -> str:
    if not text.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("must start with mongodb:// or mongodb+srv://")
    authority, path, options = _split_uri(text)
    # The driver would take what follows for a path or an option, and might repeat it in an error.
    if "@" in path or "@" in options:
        raise ValueError("must have / ? @ and # of user and password percent-encoded")
    if text.startswith("mongodb+srv://"):
        if any(character in authority.rpartition("@")[2] for character in ":,"):
            raise ValueError("must name one host and no port where it starts with mongodb+srv://")
        kept = [one for one in options.split("&") if one and not one.lower().startswith("srv")]
        _check_uri(f"mongodb://{authority}/{path}?{'&'.join(kept)}")
    else:
        _check_uri(text)
    return text


def _split_uri(uri: str) -> tuple[str, str, str]:
    """Return what stands between scheme, the first `/`, and `?`; `#` means nothing here."""
    location, _, options = uri.partition("://")[2].partition("?")
    authority, _, path = location.partition("/")
    return authority, path, options


def _check_uri(uri: str) -> None:
    try:
        with warnings.catch_warnings(action="ignore"):  # connecting repeats them
            parse_uri(uri, warn=True)
    except (PyMongoError, ValueError, OSError) as error:
        raise ValueError(f"cannot be used: {error}") from error


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(f"({text!r}) names a user that is not there") from error


def _bucket(text: str) -> str:
    if not re.fullmatch(r"(s3|gs)://[^/@:]+(/.*)?", text):  # and does not repeat a password
        raise ValueError("must be a bucket, or a prefix in one, such as s3://bucket/photos")
    return text


def _id_type(text: str) -> IdType:
    if text not in ("string", "objectId", "int"):
        raise ValueError(f"({text!r}) must be one of string, objectId, int")
    return cast(IdType, text)


def _precision(text: str) -> PrecisionSetting:
    if text not in get_args(PrecisionSetting):
        raise ValueError(f"({text!r}) must be one of {', '.join(get_args(PrecisionSetting))}")
    return cast(PrecisionSetting, text)


def _name(text: str) -> str:
    if any(character in text for character in '/\\. "$\0'):
        raise ValueError(f'({text!r}) must not hold any of / \\ . space " $')
    if len(text.encode(errors="replace")) > MAX_DATABASE_NAME_BYTES:
        raise ValueError(f"({text!r}) must have at most {MAX_DATABASE_NAME_BYTES} bytes")
    return text


def _collection_name(text: str) -> str:
    if "$" in text or "\0" in text or text.startswith("system."):
        raise ValueError(f"({text!r}) must not hold $, nor start with 'system.'")
    if "" in text.split("."):
        raise ValueError(f"({text!r}) must not start or end with a dot, nor hold two in a row")
    return text


def _log_level(text: str) -> str:
    if text not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError(f"({text!r}) must be one of DEBUG, INFO, WARNING, ERROR")
    return text


def _boolean(text: str) -> bool:
    if text not in ("true", "false", "1", "0"):
        raise ValueError(f"({text!r}) must be true or false")
    return text in ("true", "1")


def _integer(low: int, high: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"({text!r}) must be a whole number from {low} to {high}")
        return int(text)

    return convert


_VARIABLES: dict[str, tuple[str, Callable[[str], object]]] = {
    "MONGODB_URI": ("mongodb_uri", _uri),
    "LOCAL_ATLAS_PATH": ("local_atlas_path", _path),
    "LOCAL_ATLAS_STRICT": ("local_atlas_strict", _boolean),
    "LOCAL_ATLAS_INDEX_LAG_MS": ("local_atlas_index_lag_ms", _integer(0, 3_600_000)),
    "DATABASE": ("database", _name),
    "COLLECTION": ("collection", _collection_name),
    "INDEX_FILE": ("index_file", _path),
    "LEXICAL_INDEX_FILE": ("lexical_index_file", _path),
    "TUNING_FILE": ("tuning_file", _path),
    "FOLLOW_SWITCHES": ("follow_switches", _boolean),
    "MODEL": ("model", str),
    "MODEL_PRECISION": ("model_precision", _precision),
    "GALLERY_ROOT": ("gallery_root", _path),
    "GALLERY_BUCKET": ("gallery_bucket", _bucket),
    "ID_TYPE": ("id_type", _id_type),
    "HOST": ("host", str),
    "PORT": ("port", _integer(1, 65535)),
    "MAX_CONTENT_LENGTH": ("max_content_length_bytes", _integer(1024, 1024**3)),
    "MAX_IMAGE_PIXELS": ("max_image_pixels", _integer(1, 10**9)),
    "MAX_TIME_MS": ("max_time_ms", _integer(1, 600_000)),
    "ALLOW_IMAGE_URLS": ("allow_image_urls", _boolean),
    "ALLOW_HTTP_IMAGES": ("allow_http_images", _boolean),
    "FETCH_MAX_BYTES": ("fetch_max_bytes", _integer(1024, 1024**3)),
    "FETCH_TIMEOUT_MS": ("fetch_timeout_ms", _integer(100, 3_600_000)),
    "FETCH_PER_HOST": ("fetch_per_host", _integer(1, 256)),
    "LOG_LEVEL": ("log_level", _log_level),
}
