"""Searches for the patterns that come on its standard input, one JSON document a line.

A program of its own, which `regex_guard.py` starts and may stop at any time.
"""

import json
import re
import signal
import sys
from itertools import islice

_LIMIT_S = 5


def main() -> None:
    """Answer until the input ends: for each search what was found, as text, place and groups."""
    for line in sys.stdin:
        pattern, flags, text, wants_all = json.loads(line)
        signal.alarm(_LIMIT_S)  # ends this process, should nobody be left to do so
        found = islice(re.compile(pattern, flags).finditer(text), None if wants_all else 1)
        matches = [(each[0], each.start(), each.groups()) for each in found]
        signal.alarm(0)
        sys.stdout.write(json.dumps(matches) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
