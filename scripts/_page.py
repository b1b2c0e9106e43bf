"""Pages of docs/ that a script writes: written anew, or only compared."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts._cli import EXIT_DONE, EXIT_FAILED


def write_or_check(
    page: Path,
    text: str,
    *,
    is_check: bool,
    command: str,
    root: Path,
    comparable: Callable[[str], str] = str,
) -> int:
    """Write a page where it is stale, or say so; return the exit code.

    Args:
        page: the file.
        text: what it is to hold.
        is_check: write nothing.
        command: what writes the page anew.
        root: what the page's name is told relative to.
        comparable: leaves out of a page what differs from run to run.
    """
    name = page.relative_to(root)
    if page.exists() and comparable(page.read_text(encoding="utf-8")) == comparable(text):
        print(f"{name} is up to date.")
    elif is_check:
        print(f"{name} is stale; `{command}` writes it anew.")
        return EXIT_FAILED
    else:
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8")
        print(f"Wrote {name}.")
    return EXIT_DONE


def parse_page_arguments(
    argv: Sequence[str] | None, *, command: str, description: str | None, note: str = ""
) -> argparse.Namespace:
    """Return the arguments of a script that writes a page: `check`.

    Args:
        argv: as `ArgumentParser.parse_args` takes them.
        command: what runs the script.
        description: for `--help`.
        note: what `--check` leaves out, for `--help`.
    """
    parser = argparse.ArgumentParser(
        prog=command,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"example:\n  {command} --check",
    )
    stale = f"write nothing; exit with 1 where the page is stale{note}"
    parser.add_argument("--check", action="store_true", help=stale)
    return parser.parse_args(argv)
