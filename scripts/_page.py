"""Pages of docs/ that a script writes: written anew, or only compared."""

from collections.abc import Callable
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
