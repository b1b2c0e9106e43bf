"""Write docs/operations.md, which walks through scripts.atlas, with what the commands print.

They run on a LocalAtlas in a temporary directory; nothing else is touched.
"""

import argparse
import sys
from collections.abc import Sequence

from app.config import PROJECT_ROOT
from scripts._cli import run
from scripts._page import write_or_check
from scripts.operations.walk import comparable, render_page

PAGE = PROJECT_ROOT / "docs" / "operations.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or compare it; see `--help`."""
    arguments = _parse(argv)
    return write_or_check(
        PAGE,
        render_page(),
        is_check=arguments.check,
        command="python -m scripts.document_operations",
        root=PROJECT_ROOT,
        comparable=comparable,
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.document_operations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python -m scripts.document_operations --check",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 where the page is stale (times may differ)",
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main, log_level="WARNING"))
