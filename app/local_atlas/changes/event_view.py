"""Makes events of changes: what a client asked to see of them.

https://www.mongodb.com/docs/manual/reference/change-events/
"""

from collections.abc import Callable
from typing import Any, Final

from bson import DatetimeMS
from bson.raw_bson import RawBSONDocument

from ..errors import CommandError
from ..mql.bson_text import render
from ..mql.rows import decode
from .clock import to_timestamp
from .log_entries import Entry
from .resume_tokens import TokenKind
from .split_events import NOT_RESUMABLE
from .stream_request import StreamRequest

Document = dict[str, Any]
FindDocument = Callable[[str, str, Any], bytes | None]
"""Returns the document of a database, collection and `_id` as it is now."""

_EXPANDED_FIELDS: Final = ("collectionUUID", "operationDescription")
_CHANGES_DOCUMENTS: Final = frozenset({"update", "replace", "delete"})


class EventView:
    """Shows changes as events.

    Args:
        request: what the client wants to see.
        find: looks a document up.
    """

    def __init__(self, request: StreamRequest, find: FindDocument) -> None:
        self._request = request
        self._find = find

    def event(self, entry: Entry, kind: TokenKind) -> Document:
        """Return the event of a change without its `_id`.

        Raises:
            CommandError: 47, an image is required that was not kept.
        """
        is_end = kind is TokenKind.INVALIDATE
        common: Document = {
            "operationType": "invalidate" if is_end else entry.operation,
            "clusterTime": to_timestamp(entry.cluster_time),
            "wallTime": DatetimeMS(entry.wall_ms),
        }
        if is_end:
            return common
        details = decode(entry.details)
        if not self._request.is_expanded:
            for name in _EXPANDED_FIELDS:
                details.pop(name, None)
            details.get("updateDescription", {}).pop("disambiguatedPaths", None)
        uuid = {name: details.pop(name) for name in ("collectionUUID",) if name in details}
        namespace = {"db": entry.database, "coll": entry.collection}
        if not entry.collection:
            del namespace["coll"]
        after = self._full_document(entry, details)
        before = self._before_change(entry, details)
        return {**common, **uuid, **after, "ns": namespace, **details, **before}

    def _full_document(self, entry: Entry, details: Document) -> Document:
        mode = self._request.full_document
        raw = entry.document
        if entry.operation == "update":
            if mode == "default":
                return {}
            if mode == "updateLookup":
                raw = self._find(entry.database, entry.collection, details["documentKey"]["_id"])
            elif raw is None and mode == "required":
                raise _no_image("post-image", "all update events", details)
        elif raw is None:
            return {}
        return {"fullDocument": None if raw is None else RawBSONDocument(raw)}

    def _before_change(self, entry: Entry, details: Document) -> Document:
        mode = self._request.before_change
        if mode == "off" or entry.operation not in _CHANGES_DOCUMENTS:
            return {}
        if entry.before is None and mode == "required":
            raise _no_image("pre-image", "all update, delete and replace events", details)
        before = None if entry.before is None else RawBSONDocument(entry.before)
        return {"fullDocumentBeforeChange": before}


def _no_image(image: str, wanted_for: str, details: Document) -> CommandError:
    return CommandError(
        47,
        "NoMatchingDocument",
        f"Change stream was configured to require a {image} for {wanted_for}, but the {image} was "
        f"not found for event: {render(details['documentKey'])}",
        NOT_RESUMABLE,
    )
