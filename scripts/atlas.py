"""Take care of a search index: what is live, what would change, change it, prove that it is whole.

Works on any collection and search index. Example:
    python -m scripts.atlas plan atlas/gallery_vector.json
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from pymongo.collection import Collection

from app.config import Settings
from app.db import connect, database_errors
from app.errors import ConfigError
from app.index_care.apply import apply_plan
from app.index_care.asking import read_vectors
from app.index_care.checking import check_definition
from app.index_care.deriving import derived_content, write_index_file
from app.index_care.migrate import Pair, convert, lead_back, prepare, switch
from app.index_care.plan import plan_index
from app.index_care.refusals import IndexRefused, rights_of
from app.index_care.status import read_status
from app.index_care.target import live_index
from app.index_care.tune import Goal, tune_index
from app.index_care.tuning import write_tuning
from app.index_care.verify import verify_index
from app.indexes import SearchIndex, read_index_file
from app.lexical_indexes import AnyIndex, read_any_index_file
from scripts._arguments import positive_integer, seconds, share
from scripts._cli import EXIT_DONE, EXIT_FAILED, run

Documents = Collection[dict[str, Any]]


class Report(Protocol):
    """What a command has found or done."""

    @property
    def is_good(self) -> bool:
        """Whether the exit code is that of success."""

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
        with (
            database_errors(settings.database_label),
            rights_of(arguments.name, collection.full_name, arguments.role),
        ):
            report = command(collection, arguments, settings)
    except IndexRefused as error:
        if error.paste is not None:
            print(json.dumps(error.paste, indent=2))
        raise
    finally:
        collection.database.client.close()
    print(json.dumps(report.as_dict()) if arguments.json else report.as_text())
    return EXIT_DONE if report.is_good else EXIT_FAILED


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
    return read_status(
        collection,
        arguments.index,
        in_file=read_index_file(settings.index_file),
        follows=settings.follow_switches,
    )


def _verify(collection: Documents, arguments: argparse.Namespace, settings: Settings) -> Report:
    index = _live(collection, arguments, settings)
    report = verify_index(collection, index, wait_s=arguments.wait, compare=arguments.compare)
    if arguments.list is not None:
        with _writing(arguments.list) as file:
            file.writelines(f"{json.dumps(one.as_dict())}\n" for one in report.missing)
    return report


def _tune(collection: Documents, arguments: argparse.Namespace, settings: Settings) -> Report:
    index = _live(collection, arguments, settings)
    goal = Goal(arguments.limit, arguments.target_recall, arguments.queries)
    vectors = None if arguments.vectors is None else read_vectors(arguments.vectors, index)
    report = tune_index(collection, index, goal, vectors)
    file = arguments.write or settings.tuning_file
    if file is not None:
        write_tuning(file, report.tuning)
    return report


def _migrate(collection: Documents, arguments: argparse.Namespace, settings: Settings) -> Report:
    old = _live(collection, arguments, settings)
    if not arguments.to.exists():
        write_index_file(arguments.to, derived_content(old, arguments.to.stem))
    new = read_index_file(arguments.to)
    check_definition(new, arguments.to)
    pair = Pair(collection, old, new)
    step: Callable[..., Report] = arguments.step
    return step(pair, timeout_s=arguments.timeout)


def _live(collection: Documents, arguments: argparse.Namespace, settings: Settings) -> SearchIndex:
    """Return the live index that `--index` names, else the one of INDEX_FILE.

    That one is asked with vectors of the type that the service asks it with, whatever is stored.
    """
    if arguments.index is not None:
        return live_index(collection, arguments.index, arguments.path)
    wanted = read_index_file(settings.index_file)
    index = live_index(collection, wanted.name, arguments.path)
    is_same_field = index.path == wanted.path
    return dataclasses.replace(index, vector_type=wanted.vector_type) if is_same_field else index


@contextmanager
def _writing(path: Path) -> Iterator[TextIO]:
    """Open a file to write; raises `ConfigError` where that cannot be done."""
    try:
        with path.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error


def _wanted(arguments: argparse.Namespace, settings: Settings) -> AnyIndex:
    """Return the index of the file, under the name that `--index` gives it."""
    file = arguments.index_file or settings.index_file
    index = read_any_index_file(file)
    check_definition(index, file)
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
    _add_timeout(apply)
    apply.add_argument(
        "--may-break", action="store_true", help="even where queries that work now will not"
    )
    apply.add_argument(
        "--take-over", action="store_true", help="replace a definition that is still being built"
    )
    _add(commands, "status", _status, "tell what is live, and which version of it answers")
    verify = _add(commands, "verify", _verify, "prove that what was written is searchable")
    verify.add_argument("--path", help="of the vector field, where the index has several")
    verify.add_argument(
        "--wait",
        type=seconds,
        default=0.0,
        metavar="S",
        help="seconds that documents may lag behind (default: 0)",
    )
    verify.add_argument(
        "--compare",
        action="store_true",
        help="read the vectors, too, and find documents that the index has an older one of",
    )
    verify.add_argument(
        "--list", type=Path, metavar="FILE", help="write each missing document as a line of JSON"
    )
    _add_tune(commands)
    _add_migrate(commands)
    return parser


def _add_tune(commands: Any) -> None:
    tune = _add(commands, "tune", _tune, "find the fewest candidates that find the right hits")
    tune.add_argument("--path", help="of the vector field, where the index has several")
    tune.add_argument(
        "--limit", type=positive_integer, default=10, metavar="N", help="hits (default: 10)"
    )
    tune.add_argument(
        "--target-recall",
        type=share,
        default=0.95,
        metavar="R",
        help="share of the exact hits that are to be found (default: 0.95)",
    )
    tune.add_argument(
        "--queries",
        type=positive_integer,
        default=100,
        metavar="N",
        help="random items to ask with (default: 100)",
    )
    tune.add_argument(
        "--vectors", type=Path, metavar="FILE", help="ask with these: a JSON array a line"
    )
    tune.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="write what was found for the service to read (default: TUNING_FILE)",
    )


def _add_migrate(commands: Any) -> None:
    migrate = _add(commands, "migrate", _migrate, "lead from a knnVector index to vectorSearch")
    migrate.add_argument("--path", help="of the vector field, where the index has several")
    migrate.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="FILE",
        help="index file of the new index; written from the old index where it does not exist",
    )
    migrate.set_defaults(step=prepare)
    steps = migrate.add_mutually_exclusive_group()
    for flag, step, what in (
        ("--switch", switch, "and have the running service ask the new index"),
        ("--convert", convert, "turn the stored vectors into BinData, once switched"),
        ("--back", lead_back, "have the old index asked again, over vectors in arrays"),
    ):
        steps.add_argument(flag, dest="step", action="store_const", const=step, help=what)
    _add_timeout(migrate)


def _add_timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=600.0,
        metavar="S",
        help="seconds to wait for the build (default: 600)",
    )


def _add(
    commands: Any, name: str, command: Command, what: str, *, has_file: bool = False
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what)
    role = "readWrite" if command in (_apply, _migrate) else "read"
    parser.set_defaults(command=command, name=name, role=role)
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
