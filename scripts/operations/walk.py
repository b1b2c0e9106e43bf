"""Runs the commands that the prose of the page names, and puts what they print below them.

In a block that begins with ```console, every line that begins with `$ python -m scripts.atlas` is
run as it stands, in the order of the page; `; echo $?` at its end prints the exit code, too. A line
`<!-- scene: NAME -->` makes something happen to the data, and is left out of the page.
"""

import contextlib
import io
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.config import Settings
from app.db import connect
from scripts import atlas
from scripts._cli import run
from scripts.operations.scenes import SCENES, Stage

PROSE = Path(__file__).with_name("page.md")

_COMMAND = "$ python -m scripts.atlas "
_ECHO = "; echo $?"
_SCENE = re.compile(r"<!-- scene: (\w+) -->")
_VARYING = re.compile(r"\d[\d,]*\.\d+|\d{4}-\d\d-\d\d \d\d:\d\d")
# Which number is the best one, and what is faster, depends on the machine, too.
_TUNED = re.compile(r"(?<=\$ python -m scripts\.atlas tune).*?(?=```)", re.DOTALL)
_MEASURED = re.compile(
    r"(?<=numCandidates )[\d,]+|, (as fast|faster|slower)\b|^(With|An) .*\n", re.M
)


def render_page() -> str:
    """Return the page."""
    with _stage() as stage:
        return "".join(f"{line}\n" for line in _lines(PROSE.read_text(encoding="utf-8"), stage))


def comparable(page: str) -> str:
    """Return the page without what differs from run to run: times, and what tune measures."""
    return _VARYING.sub("N", _TUNED.sub(lambda found: _MEASURED.sub("", found[0]), page))


@contextlib.contextmanager
def _stage() -> Iterator[Stage]:
    """A LocalAtlas of its own, and a folder to be in."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        settings = Settings(
            local_atlas_path=folder / "data", index_file=folder / "gallery_vector.json"
        )
        collection = connect(settings)
        try:
            with contextlib.chdir(folder):
                yield Stage(settings, collection, folder)
        finally:
            collection.database.client.close()


def _lines(prose: str, stage: Stage) -> Iterator[str]:
    for line in prose.splitlines():
        scene = _SCENE.fullmatch(line)
        if scene is not None:
            SCENES[scene[1]](stage)
            continue
        yield line
        if line.startswith(_COMMAND):
            yield from _output(line.removeprefix(_COMMAND), stage)


def _output(command: str, stage: Stage) -> Iterator[str]:
    arguments = shlex.split(command.removesuffix(_ECHO))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = run(lambda argv: atlas.main(argv, stage.settings), arguments)
    yield from printed.getvalue().splitlines()
    if command.endswith(_ECHO):
        yield str(code)
