"""The commands: one table of names, one handler function each."""

from importlib import import_module

from .table import CommandContext, command

__all__ = ["CommandContext", "command", "load"]

_MODULES = (
    "administration",
    "aggregation",
    "bulk_write",
    "catalog",
    "collections",
    "crud",
    "explain",
    "find_and_modify",
    "handshake",
    "indexes",
    "operations",
    "queries",
    "search_indexes",
    "sessions",
    "transactions",
)


def load() -> None:
    """Import every module of commands, which registers what is in it."""
    for name in _MODULES:
        import_module(f".{name}", __package__)
