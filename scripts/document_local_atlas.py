"""Write docs/local_atlas.md, which tells what LocalAtlas emulates, from LocalAtlas itself.

A LocalAtlas in a temporary directory is asked; nothing else is touched.
"""

import argparse
import sys
from collections.abc import Sequence

from app.config import PROJECT_ROOT
from scripts._cli import run
from scripts._page import write_or_check

PAGE = PROJECT_ROOT / "docs" / "local_atlas.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or compare it; see `--help`."""
    arguments = _parse(argv)
    from scripts.emulation.page import render_page
    from scripts.emulation.probe import open_probe
    from scripts.emulation.survey import survey

    with open_probe() as probe:
        page = render_page(survey(probe))
    return write_or_check(
        PAGE,
        page,
        is_check=arguments.check,
        command="python -m scripts.document_local_atlas",
        root=PROJECT_ROOT,
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.document_local_atlas",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python -m scripts.document_local_atlas --check",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit with 1 where the page is stale"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main, log_level="WARNING"))
