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
        output = self._run(database, [], f"prompt = ''\nprint('{_MARK}')\n{keys}")
        shown = [part.strip() for part in output.split(_MARK)[1:-1]]
        assert len(shown) == len(lines), output
        return shown

    def values(self, database: str, *expressions: str) -> list[Any]:
        """Return the value of each expression of a script, from relaxed extended JSON."""
        script = self._home / "script.js"
        script.write_text("".join(f"print(EJSON.stringify({each}));\n" for each in expressions))
        return [json.loads(line) for line in self._run(database, [str(script)]).splitlines()]

    def _run(self, database: str, arguments: Sequence[str], keys: str = "") -> str:
        ended = subprocess.run(
            [*self._program, "--quiet", f"mongodb://{self._address}/{database}", *arguments],
            input=keys,
            env={"HOME": str(self._home), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr + ended.stdout
        return ended.stdout
