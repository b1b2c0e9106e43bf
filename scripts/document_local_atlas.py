"""Write docs/local_atlas.md, which tells what LocalAtlas emulates, from LocalAtlas itself.

A LocalAtlas in a temporary directory is asked; nothing else is touched.
"""

import sys
from collections.abc import Sequence

from app.config import PROJECT_ROOT
from scripts._cli import run
from scripts._page import parse_page_arguments, write_or_check

PAGE = PROJECT_ROOT / "docs" / "local_atlas.md"

_COMMAND = "python -m scripts.document_local_atlas"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or compare it; see `--help`."""
    arguments = parse_page_arguments(argv, command=_COMMAND, description=__doc__)
    from scripts.emulation.page import render_page
    from scripts.emulation.probe import open_probe
    from scripts.emulation.survey import survey

    with open_probe() as probe:
        page = render_page(survey(probe))
    return write_or_check(
        PAGE,
        page,
        is_check=arguments.check,
        command=_COMMAND,
        root=PROJECT_ROOT,
    )


if __name__ == "__main__":
    sys.exit(run(main, log_level="WARNING"))
