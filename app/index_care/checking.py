"""Whether a server would take the definition of an index file: told before anything is sent.

LocalAtlas reads definitions by the search server's own rules, so it is asked.
"""

from pathlib import Path

from app.errors import ConfigError
from app.lexical_indexes import AnyIndex
from app.local_atlas.errors import NOT_EMULATED, CommandError
from app.local_atlas.search.definition import parse_definition
from app.local_atlas.search.parsing import ParseError


def check_definition(index: AnyIndex, path: Path) -> None:
    """Refuse what breaks a rule of the search server.

    Args:
        index: as read from the file.
        path: of the file.

    Raises:
        ConfigError: with the field and the rule.
    """
    try:
        parse_definition(index.type, index.definition, prefix="definition")
    except (ParseError, CommandError) as error:
        if NOT_EMULATED not in error.message:  # Atlas may well know what LocalAtlas does not
            rule = str(error).rstrip(".")
            raise ConfigError(f"Index file {path}: {rule}.") from error
