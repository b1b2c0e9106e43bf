"""Write docs/operations.md, which walks through scripts.atlas, with what the commands print.

They run on a LocalAtlas in a temporary directory; nothing else is touched.
"""

import sys
from collections.abc import Sequence

from app.config import PROJECT_ROOT
from scripts._cli import run
from scripts._page import parse_page_arguments, write_or_check
from scripts.operations.walk import comparable, render_page

PAGE = PROJECT_ROOT / "docs" / "operations.md"

_COMMAND = "python -m scripts.document_operations"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or compare it; see `--help`."""
    arguments = parse_page_arguments(
        argv, command=_COMMAND, description=__doc__, note=" (times may differ)"
    )
    return write_or_check(
        PAGE,
        render_page(),
        is_check=arguments.check,
        command=_COMMAND,
        root=PROJECT_ROOT,
        comparable=comparable,
    )


if __name__ == "__main__":
    sys.exit(run(main, log_level="WARNING"))
