"""What may be the name of a database or of a collection.

https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions
"""

import re
from typing import Final

_BAD_IN_DATABASES: Final = re.compile(r'[/\\. "$\0]')
_MAX_DATABASE_BYTES: Final = 63
_INTERNAL_DATABASES: Final = frozenset({"admin", "config", "local"})


def is_database_name(name: str) -> bool:
    """Tell whether a database may be called so."""
    is_short = len(name.encode()) <= _MAX_DATABASE_BYTES
    return bool(name) and is_short and not _BAD_IN_DATABASES.search(name)


def is_collection_name(name: str) -> bool:
    """Tell whether a collection may be called so."""
    return bool(name) and not name.startswith(".") and "$" not in name and "\0" not in name


def is_internal_database(name: str) -> bool:
    """Tell whether the real server keeps a database for itself."""
    return name in _INTERNAL_DATABASES


def is_system_collection(name: str) -> bool:
    """Tell whether the real server keeps a collection for itself."""
    return name.startswith("system.")
