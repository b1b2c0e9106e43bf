"""Write docs/local_atlas.md, which tells what LocalAtlas emulates, from LocalAtlas itself.

A LocalAtlas in a temporary directory is asked; nothing else is touched.
"""

import argparse
import sys
from collections.abc import Sequence

from app.config import PROJECT_ROOT
from scripts._cli import EXIT_DONE, EXIT_FAILED, run

PAGE = PROJECT_ROOT / "docs" / "local_atlas.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or compare it; see `--help`."""
    arguments = _parse(argv)
    from scripts.emulation.page import render_page
    from scripts.emulation.probe import open_probe
    from scripts.emulation.survey import survey

    with open_probe() as probe:
        page = render_page(survey(probe))
    name = PAGE.relative_to(PROJECT_ROOT)
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page:
        print(f"{name} is up to date.")
    elif arguments.check:
        print(f"{name} is stale; `python -m scripts.document_local_atlas` writes it anew.")
        return EXIT_FAILED
    else:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
        print(f"Wrote {name}.")
    return EXIT_DONE


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
