"""What a server can be told at its start; everything else is the same for all of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server differs from the usual one.

    Attributes:
        index_lag_ms: an acknowledged write becomes searchable only this much later.
        is_strict: what the search engine passes over in silence is an error.
    """

    index_lag_ms: int = 0
    is_strict: bool = False

    def arguments(self) -> list[str]:
        """Return the command line that asks for what is not the default."""
        lag = ["--index-lag-ms", str(self.index_lag_ms)] if self.index_lag_ms else []
        return [*lag, *(["--strict"] if self.is_strict else [])]

    def gives(self, wanted: "ServerOptions") -> bool:
        """Tell whether a server with these options does what another start asks for.

        A default asks for nothing: such a start takes the server as it is.
        """
        if wanted.is_strict and not self.is_strict:
            return False
        return not wanted.index_lag_ms or wanted.index_lag_ms == self.index_lag_ms
