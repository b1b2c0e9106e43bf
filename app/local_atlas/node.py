"""One LocalAtlas: a data directory, its store and search indexes, and a server in front."""

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .addresses import Address
from .changes.log_entries import LogLimits
from .commands.table import CommandContext, ConnectionInfo, ServerIdentity
from .cursors import CursorTable
from .directory_lock import ServerLock
from .expiry import INTERVAL_S, Expiry
from .linger import Linger
from .options import ServerOptions
from .search.index_keeper import IndexArchive
from .search.registry import SearchRegistry
from .server import Server
from .store import Store
from .transactions.transaction_table import TransactionTable


@dataclass(frozen=True, slots=True)
class Node:
    """A running LocalAtlas; `start_node` makes one."""

    address: Address
    linger: Linger | None
    """Tells when the node may end by itself; None where it never does."""
    _server: Server
    store: Store
    _transactions: TransactionTable
    _search: SearchRegistry
    _lock: ServerLock
    _expiry: Expiry

    @property
    def uri(self) -> str:
        """What a driver connects to."""
        return self.address.uri

    def close(self) -> None:
        """Finish the commands under way, then give the directory free."""
        self.store.stop_waiting()
        self._server.close()
        self._transactions.close()
        self.address.release()
        self._expiry.close()
        self._search.close()
        self.store.close()
        self._lock.release()


def start_node(
    directory: Path,
    address: Address,
    *,
    linger_s: float | None = None,
    options: ServerOptions | None = None,
    ttl_interval_s: float = INTERVAL_S,
    log_limits: LogLimits | None = None,
) -> Node:
    """Serve a data directory, which is made where it is missing.

    Args:
        directory: absolute.
        address: where to listen.
        linger_s: how long to stay after the last client has gone, None for ever.
        options: what it is to do otherwise than usual.
        ttl_interval_s: how often to look for documents that have expired.
        log_limits: how far back change streams may go.

    Raises:
        DirectoryInUse: another process serves it.
        AddressError: the address cannot be used.
        StorageError: the data file cannot be used.
        OSError: the directory cannot be made or written.
    """
    options = options or ServerOptions()
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as undo:
        lock = ServerLock(directory)
        undo.callback(lock.release)
        store = Store(directory, log_limits)
        undo.callback(store.close)
        archive = IndexArchive(store, directory)
        search = SearchRegistry(store, options, archive)
        undo.callback(search.close)
        listener, address = address.listen()
        undo.pop_all()
    store.add_listener(search)
    if options.is_strict:
        store.guard_writes(search.write_check)
    transactions = TransactionTable(store)
    identity = ServerIdentity(address.name, str(directory), time.time(), tuple(sys.argv))
    context = CommandContext(
        identity, store, search, CursorTable(), transactions, ConnectionInfo(0)
    )
    linger = Linger(linger_s or 0.0)
    server = Server(listener, context, linger)
    server.start()
    lock.announce(address.uri, options)
    expiry = Expiry(store, ttl_interval_s)
    expiry.start()
    return Node(
        address,
        None if linger_s is None else linger,
        server,
        store,
        transactions,
        search,
        lock,
        expiry,
    )
