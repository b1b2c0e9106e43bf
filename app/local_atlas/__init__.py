"""LocalAtlas: an embedded twin of MongoDB Atlas Vector Search that speaks the wire protocol.

`start_or_join(path)` returns the URI to connect to; everything else goes through a driver.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .launcher import LauncherError, start_or_join

__all__ = ["LauncherError", "__version__", "start_or_join"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the launcher when it is asked for: every pytest run imports this for the plugin."""
    if name in ("LauncherError", "start_or_join"):
        from . import launcher

        return getattr(launcher, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
