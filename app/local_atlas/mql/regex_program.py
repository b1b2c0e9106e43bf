"""Searches for the patterns that come on its standard input, one JSON document a line.

A program of its own, which `regex_guard.py` starts and may stop at any time.
"""

import json
import re
import sys
from itertools import islice


def main() -> None:
    """Answer until the input ends: for each search what was found, as text, place and groups."""
    for line in sys.stdin:
        pattern, flags, text, wants_all = json.loads(line)
        found = islice(re.compile(pattern, flags).finditer(text), None if wants_all else 1)
        matches = [(each[0], each.start(), each.groups()) for each in found]
        sys.stdout.write(json.dumps(matches) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
