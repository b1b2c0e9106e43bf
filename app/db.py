"""The way to the data: one PyMongo client per process, whatever the URI points at.

With no URI, LocalAtlas is started for the data directory, or joined where it already runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.collection import Collection
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
)

from app.config import Settings
from app.errors import DatabaseUnavailable, SearchTimeout, ServiceError
from app.local_atlas.launcher import LauncherError, start_or_join

Document = dict[str, Any]

# "Unreachable" is answered within three seconds: the driver stops looking for a server after 2.
SERVER_SELECTION_TIMEOUT_MS = 2000
_UNAUTHORIZED_CODES = frozenset({13, 18, 8000})


def connect(settings: Settings) -> Collection[Document]:
    """Return the gallery collection; the caller closes `collection.database.client`.

    Raises:
        DatabaseUnavailable: LocalAtlas cannot be started, or the host of the URI cannot be found.
    """
    with database_errors(settings.database_label):
        client: MongoClient[Document] = MongoClient(_uri(settings), **_options())
    return client[settings.database][settings.collection]


def connect_async(settings: Settings) -> AsyncCollection[Document]:
    """Return the gallery collection of an `AsyncMongoClient`; as `connect` otherwise."""
    with database_errors(settings.database_label):
        client: AsyncMongoClient[Document] = AsyncMongoClient(_uri(settings), **_options())
    return client[settings.database][settings.collection]


def with_uri(settings: Settings) -> Settings:
    """Return settings that name their database by a URI, for other processes of this machine.

    Raises:
        DatabaseUnavailable: they name none, and LocalAtlas cannot be started.
    """
    with database_errors(settings.database_label):
        return replace(settings, mongodb_uri=_uri(settings))


@contextmanager
def database_errors(where: str) -> Iterator[None]:
    """Turn the driver's errors into ours, each one sentence; `where` names the database."""
    try:
        yield
    except ConfigurationError as error:
        # `Settings` has checked the URI: what is left is mostly a name that DNS does not know.
        reason = str(error).rstrip(".")
        raise DatabaseUnavailable(f"MONGODB_URI cannot be used: {reason}.") from error
    except LauncherError as error:
        raise DatabaseUnavailable(str(error)) from error
    except (ExecutionTimeout, NetworkTimeout) as error:
        raise SearchTimeout(f"The database at {where} did not finish in time.") from error
    except ConnectionFailure as error:
        raise DatabaseUnavailable(f"The database at {where} cannot be reached.") from error
    except OperationFailure as error:
        raise _operation_error(error, where) from error
    except PyMongoError as error:
        raise ServiceError(f"The database at {where} failed: {error}.") from error


def _operation_error(error: OperationFailure, where: str) -> ServiceError:
    message = (error.details or {}).get("errmsg", str(error))
    if error.code in _UNAUTHORIZED_CODES:
        return DatabaseUnavailable(f"The database at {where} refused: {message}")
    return ServiceError(f"The database at {where} answered with error {error.code}: {message}")


def _uri(settings: Settings) -> str:
    return settings.mongodb_uri or start_or_join(
        settings.local_atlas_path,
        index_lag_ms=settings.local_atlas_index_lag_ms,
        strict=settings.local_atlas_strict,
    )


def _options() -> dict[str, Any]:
    return {
        "appname": "similar-items",
        "serverSelectionTimeoutMS": SERVER_SELECTION_TIMEOUT_MS,
        "connectTimeoutMS": SERVER_SELECTION_TIMEOUT_MS,
        "tz_aware": True,
        "uuidRepresentation": "standard",
        # A shop's documents may hold dates that Python has no number for, and text that is no
        # UTF-8; neither must end a run or a request.
        "datetime_conversion": "DATETIME_AUTO",
        "unicode_decode_error_handler": "replace",
    }
