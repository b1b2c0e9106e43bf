"""What somebody types into mongosh, and what it shows."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEADLINE_S = 120
_MARK = "-----"


class Shell:
    """A mongosh that gets its lines from the tests as from a keyboard.

    Args:
        program: how to start it.
        address: `host:port` of the server.
        home: where it may write what it writes into home folders.
    """

    def __init__(self, program: Sequence[str], address: str, home: Path) -> None:
        self._program = list(program)
        self._address = address
        self._home = home
        settings = home / ".mongodb" / "mongosh"
        settings.mkdir(parents=True)
        # Nobody outside is told of a test, or asked for a newer version.
        (settings / "config").write_text('{"enableTelemetry":false,"updateURL":""}')

    def typed(self, database: str, *lines: str) -> list[str]:
        """Return what each line made it show."""
        keys = "".join(f"{line}\nprint('{_MARK}')\n" for line in lines)
        ended = subprocess.run(
            [*self._program, "--quiet", f"mongodb://{self._address}/{database}"],
            input=f"prompt = ''\nprint('{_MARK}')\n{keys}",
            env={"HOME": str(self._home), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        shown = [part.strip() for part in ended.stdout.split(_MARK)[1:-1]]
        assert len(shown) == len(lines), ended.stdout
        return shown

    def values(self, database: str, *expressions: str) -> list[Any]:
        """Return the value of each expression, from relaxed extended JSON."""
        lines = [f"print(EJSON.stringify({expression}))" for expression in expressions]
        return [json.loads(shown) for shown in self.typed(database, *lines)]
