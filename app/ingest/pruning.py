"""What a gallery wrote earlier and lists no more goes: documents, or a guest's sub-documents.

Each document says which gallery made it. In a collection of this service's own that is said when
ingestion inserts the document, so one that was there before, a shop's perhaps, is never deleted; in
a shop's own collection nothing is deleted at all, the fields that ingestion wrote are removed.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from pymongo.collection import Collection

from app.indexes import SearchIndex
from app.ingest.listing import Listing
from app.layouts import GALLERY_LAYOUT, Layout, guest_layout, own_paths

Document = dict[str, Any]

IDS_AT_A_TIME = 1000


def gallery_id(name: str) -> str:
    """Return what documents carry for the name of their gallery.

    A hash, because a name may be a path of some machine, and documents are shown to everybody.
    """
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]


class Pruner:
    """Finds and deletes the documents that a gallery made and lists no more.

    Args:
        collection: a gallery's own.
        gallery: as `gallery_id` returns it.
        listing: of a run over that gallery, from its beginning to its end.
        began_at: when the run began; what another run has written since stays.
    """

    def __init__(
        self,
        collection: Collection[Document],
        gallery: str,
        listing: Listing,
        *,
        began_at: datetime,
    ) -> None:
        self._collection = collection
        self._listing = listing
        self._made = {GALLERY_LAYOUT.gallery: gallery, "updated_at": {"$lt": began_at}}

    def find(self) -> int:
        """Return how many documents are to go."""
        found = self._collection.find(self._made, {"_id": 1})
        return self._listing.keep_unlisted(document["_id"] for document in found)

    def prune(self) -> int:
        """Remove what `find` found; return how many documents it concerned."""
        ids = self._listing.unlisted()
        pruned = 0
        while chunk := list(islice(ids, IDS_AT_A_TIME)):
            pruned += self._remove({"_id": {"$in": chunk}, **self._made})
        return pruned

    def _remove(self, query: Document) -> int:
        return self._collection.delete_many(query).deleted_count


class GuestPruner(Pruner):
    """Removes what ingestion wrote into documents of a shop whose picture is gone.

    Args:
        collection: the shop's own.
        gallery: as `gallery_id` returns it.
        listing: of a run over that collection, from its beginning to its end.
        index: its path's sub-document holds what is removed.
        copies: paths of further fields that ingestion wrote there.
    """

    def __init__(
        self,
        collection: Collection[Document],
        gallery: str,
        listing: Listing,
        *,
        index: SearchIndex,
        copies: Sequence[str] = (),
    ) -> None:
        self._collection = collection
        self._listing = listing
        self._layout: Layout = guest_layout(index)
        self._made = {self._layout.gallery: gallery}
        self._written = [index.path, *own_paths(index), *copies]

    def _remove(self, query: Document) -> int:
        visual = self._layout.picture
        done = self._collection.update_many(query, {"$unset": dict.fromkeys(self._written, "")})
        # What the shop keeps there stays; where that is nothing, the document is as it was before.
        empty = {"_id": query["_id"], visual: {}}
        self._collection.update_many(empty, {"$unset": {visual: ""}})
        return done.modified_count
