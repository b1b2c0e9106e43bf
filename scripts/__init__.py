"""Command-line tools; run as `python -m scripts.verb_noun`."""

import sys
from types import TracebackType


def _say_interrupted(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("error: Interrupted.", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


# Ctrl-C during the seconds of importing comes before `_cli.run` can catch it.
sys.excepthook = _say_interrupted
