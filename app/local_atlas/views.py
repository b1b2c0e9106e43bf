"""Read-only views: a name for a pipeline over a collection or another view.

A view is an entry of the catalog with the options `viewOn` and `pipeline`; it holds no documents.
https://www.mongodb.com/docs/manual/core/views/
"""

from collections.abc import Mapping
from typing import Any

from .errors import CommandError

MAX_DEPTH = 20  # of views on views, as in the server


def is_view(options: Mapping[str, Any]) -> bool:
    """Tell whether a collection's options make it a view."""
    return "viewOn" in options


def refuse_view(namespace: str, options: Mapping[str, Any]) -> None:
    """Refuse to do with a view what only a collection can take.

    Raises:
        CommandError: 166.
    """
    if is_view(options):
        message = f"Namespace {namespace} is a view, not a collection"
        raise CommandError(166, "CommandNotSupportedOnView", message)
