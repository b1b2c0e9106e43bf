"""The page on LocalAtlas: the prose of `page.md` with what a survey found."""

import re
import tomllib
from pathlib import Path

from app.config import PROJECT_ROOT
from app.local_atlas.addresses import LOOPBACK_HOSTS
from app.local_atlas.commands.handshake import VERSION
from app.local_atlas.errors import NOT_EMULATED
from scripts.emulation.survey import Topic

_FOLDER = Path(__file__).parent
_PLACE = re.compile(r"\{\{([a-z_.]+)\}\}")


def render_page(topics: list[Topic]) -> str:
    """Return the page in Markdown.

    Raises:
        KeyError: the prose has a place for something that no topic tells.
        ValueError: the prose has no place for one of the topics.
    """
    facts = _facts()
    for topic in topics:
        facts[f"{topic.key}.emulated"] = _listed(topic.emulated)
        facts[f"{topic.key}.missing"] = _listed(topic.missing)
    prose = (_FOLDER / "page.md").read_text(encoding="utf-8")
    untold = facts.keys() - set(_PLACE.findall(prose))
    if untold:
        raise ValueError(f"page.md has no place for {', '.join(sorted(untold))}.")
    return _PLACE.sub(lambda place: facts[place[1]], prose)


def _facts() -> dict[str, str]:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        "mongodb_version": VERSION.removesuffix(".0"),
        "not_emulated": NOT_EMULATED,
        "python": project["project"]["requires-python"].removeprefix(">=") + " or newer",
        "hosts": ", ".join(f"`{host}`" for host in LOOPBACK_HOSTS),
    }


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(_as_code(name) for name in names) or "nothing"


def _as_code(name: str) -> str:
    # One word is a name; what was written as a phrase carries its own marks.
    return name if "`" in name or " " in name else f"`{name}`"
