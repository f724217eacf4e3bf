"""Say what differs between two recordings: `python -m tests.behaviour.compare BEFORE AFTER`."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.behaviour.differences import Difference, differences

NOTHING = "Nothing differs."


def report(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the lines of the report, grouped by part and by page or entry; none if all is equal.

    A part that only one recording holds is a difference, too.
    """
    lines: list[str] = []
    for part in sorted(before.keys() | after.keys()):
        found = list(differences(before.get(part), after.get(part)))
        if found:
            lines += [f"== {part}: {len(found)} differences", *_grouped(found), ""]
    return lines


def _grouped(found: list[Difference]) -> Iterator[str]:
    """Yield equal changes once, under all the entries that show them."""
    entries: dict[tuple[str, ...], list[str]] = {}
    for one in found:
        entries.setdefault(one.lines, []).append(" › ".join(one.path))
    for changed, paths in entries.items():
        yield from paths
        yield from (f"    {line}" for line in changed)


def main() -> int:
    """Print the report; return 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    arguments = parser.parse_args()
    lines = report(*(json.loads(path.read_text()) for path in (arguments.before, arguments.after)))
    print("\n".join(lines) if lines else NOTHING)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
