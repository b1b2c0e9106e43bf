"""Which documents the open transactions have written: nobody else may write them meanwhile.

A second transaction fails at once with a write conflict, as on the real server, and is tried again
by its driver; a write outside of transactions waits until the transaction has ended.
"""

import threading
from collections.abc import Iterable, Sequence

from ..collection_writer import Claim
from ..errors import CommandError
from ..signals import Signal
from ..stored_collection import StoredCollection


class WriteConflict(CommandError):
    """Somebody else has written a document, or is about to."""

    def __init__(self) -> None:
        super().__init__(
            112,
            "WriteConflict",
            "Caused by :: Write conflict during plan execution and yielding is disabled. :: Please "
            "retry your operation or multi-document transaction.",
        )


class WriteIntents:
    """The owner of each document that an open transaction has written."""

    def __init__(self) -> None:
        self._owners: dict[tuple[bytes, bytes], object] = {}
        self._lock = threading.Lock()
        self.released = Signal()
        """That somebody who waits to write a document may try again."""

    def claim(
        self, owner: object, collection: StoredCollection, id_keys: Iterable[bytes]
    ) -> list[bytes]:
        """Note that a transaction writes documents; return those that it had not written before.

        Raises:
            WriteConflict: another one has written one of them.
        """
        uuid, claimed = bytes(collection.uuid), []
        with self._lock:
            for id_key in id_keys:
                holder = self._owners.get((uuid, id_key))
                if holder is None:
                    claimed.append(id_key)
                elif holder is not owner:
                    raise WriteConflict
            self._owners.update({(uuid, id_key): owner for id_key in claimed})
        return claimed

    def release(self, owner: object) -> None:
        """Forget what a transaction has written."""
        with self._lock:
            self._owners = {key: one for key, one in self._owners.items() if one is not owner}
        self.released.announce()

    def is_empty(self) -> bool:
        """Tell whether no open transaction has written anything."""
        return not self._owners

    def check_for(self, collection: StoredCollection) -> Claim | None:
        """Return what refuses to write documents that transactions have written; None for none."""
        return (lambda id_keys: self._check(collection, id_keys)) if self._owners else None

    def _check(self, collection: StoredCollection, id_keys: Sequence[bytes]) -> None:
        owners, uuid = self._owners, bytes(collection.uuid)
        if any((uuid, id_key) in owners for id_key in id_keys):
            raise WriteConflict
