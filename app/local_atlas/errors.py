"""The two kinds of failure that LocalAtlas knows.

`ProtocolError` means that the peer does not speak the wire protocol: the connection is closed.
`CommandError` means that one command failed: it becomes the reply
`{ok: 0, errmsg, code, codeName}`. What is not emulated is refused with the code that the real
server uses for something unknown, and a text that ends in `(not emulated by LocalAtlas)`: never
with a silent wrong answer.
"""

from collections.abc import Mapping
from typing import Any

NOT_EMULATED = "(not emulated by LocalAtlas)"


class ProtocolError(Exception):
    """Bytes that are no valid message; the connection that sent them is closed."""


class CommandError(Exception):
    """One failed command.

    Args:
        code: the server's numeric error code.
        code_name: its name, as in MongoDB's error_codes.yml.
        message: one sentence for `errmsg`.
        extra: further top-level fields of the reply (`keyPattern`, `errorLabels`, ...).
    """

    def __init__(
        self, code: int, code_name: str, message: str, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.code_name = code_name
        self.message = message
        self.extra = dict(extra or {})

    def reply(self) -> dict[str, Any]:
        """Return the error reply of the command."""
        return {
            "ok": 0.0,
            "errmsg": self.message,
            "code": self.code,
            "codeName": self.code_name,
            **self.extra,
        }


def bad_value(message: str) -> CommandError:
    """Return code 2, for a value that the command cannot take."""
    return CommandError(2, "BadValue", message)


def failed_to_parse(message: str) -> CommandError:
    """Return code 9, for a command or operator that does not parse."""
    return CommandError(9, "FailedToParse", message)


def type_mismatch(message: str) -> CommandError:
    """Return code 14, for a value of a type that the command cannot take."""
    return CommandError(14, "TypeMismatch", message)
