"""Take care of a search index: what is live, what would change, change it, prove that it is whole.

Works on any collection and search index. Example:
    python -m scripts.atlas plan atlas/gallery_vector.json
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from pymongo.collection import Collection

from app.config import Settings
from app.db import connect, database_errors
from app.index_care.apply import apply_plan
from app.index_care.plan import plan_index
from app.index_care.refusals import IndexRefused
from app.index_care.status import read_status
from app.lexical_indexes import AnyIndex, read_any_index_file
from scripts._arguments import seconds
from scripts._cli import run

Documents = Collection[dict[str, Any]]


class Report(Protocol):
    """What a command has found or done."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""

    def as_text(self) -> str:
        """Return it for people."""


Command = Callable[[Documents, argparse.Namespace, Settings], Report]


def main(argv: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Parse, do one command, report; settings are those of the environment where not given."""
    arguments = _parser().parse_args(argv)
    settings = (settings or Settings.from_env()).pointed_at(
        database=arguments.database, collection=arguments.collection
    )
    command: Command = arguments.command
    collection = connect(settings)
    try:
        with database_errors(settings.database_label):
            report = command(collection, arguments, settings)
    except IndexRefused as error:
        if error.paste is not None:
            print(json.dumps(error.paste, indent=2))
        raise
    finally:
        collection.database.client.close()
    print(json.dumps(report.as_dict()) if arguments.json else report.as_text())
    return 0


def _plan(collection: Documents, arguments: argparse.Namespace, settings: Settings) -> Report:
    return plan_index(collection, _wanted(arguments, settings))


def _apply(collection: Documents, arguments: argparse.Namespace, settings: Settings) -> Report:
    return apply_plan(
        collection,
        _wanted(arguments, settings),
        timeout_s=arguments.timeout,
        may_break=arguments.may_break,
        take_over=arguments.take_over,
    )


def _status(collection: Documents, arguments: argparse.Namespace, settings: Settings) -> Report:
    return read_status(collection, arguments.index)


def _wanted(arguments: argparse.Namespace, settings: Settings) -> AnyIndex:
    """Return the index of the file, under the name that `--index` gives it."""
    index = read_any_index_file(arguments.index_file or settings.index_file)
    return dataclasses.replace(index, name=arguments.index or index.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.atlas",
        description="Take care of a search index; each command tells more with --help.",
        epilog="example: python -m scripts.atlas plan atlas/gallery_vector.json",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "plan", _plan, "tell what would change, and change nothing", has_file=True)
    apply = _add(commands, "apply", _apply, "make the live index what the file says", has_file=True)
    apply.add_argument(
        "--timeout",
        type=seconds,
        default=600.0,
        metavar="S",
        help="seconds to wait for the build (default: 600)",
    )
    apply.add_argument(
        "--may-break", action="store_true", help="even where queries that work now will not"
    )
    apply.add_argument(
        "--take-over", action="store_true", help="replace a definition that is still being built"
    )
    _add(commands, "status", _status, "tell what is live, and which version of it answers")
    return parser


def _add(
    commands: Any, name: str, command: Command, what: str, *, has_file: bool = False
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what)
    parser.set_defaults(command=command)
    if has_file:
        parser.add_argument(
            "index_file", nargs="?", type=Path, help="index file (default: INDEX_FILE)"
        )
    parser.add_argument("--database", metavar="NAME", help="default: DATABASE")
    parser.add_argument("--collection", metavar="NAME", help="default: COLLECTION")
    parser.add_argument("--index", metavar="NAME", help="name of the search index")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(run(main))
