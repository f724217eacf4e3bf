"""Differences between two JSON values, in words for a reader."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

AROUND = 4  # unchanged words shown before and after a change
LONGEST = 300  # letters of a value that is printed whole


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two recordings differ, and the lines that say how."""

    path: tuple[str, ...]
    lines: tuple[str, ...]


def differences(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Yield what differs: objects key by key, lists of equal length item by item, texts by word."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            if key not in after:
                yield Difference((*path, key), ("only before",))
            elif key not in before:
                yield Difference((*path, key), ("only after",))
            else:
                yield from differences(before[key], after[key], (*path, key))
    elif _are_lines(before) and _are_lines(after):
        yield Difference(path, tuple(changed_runs(before, after, around=0)))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, (*path, str(place)))
    elif isinstance(before, str) and isinstance(after, str) and " " in before + after:
        yield Difference(path, tuple(changed_runs(before.split(), after.split(), around=AROUND)))
    else:
        yield Difference(path, (f"{_short(before)} → {_short(after)}{_distance(before, after)}",))


def changed_runs(before: list[str], after: list[str], *, around: int) -> Iterator[str]:
    """Yield a line for each run of words that changed, with `around` unchanged words beside it."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal":
            continue
        left, right = before[max(0, i - around) : i], before[j : j + around]
        removed = f"[-{' '.join(before[i:j])}-]" if i < j else ""
        added = f"{{+{' '.join(after[k:m])}+}}" if k < m else ""
        yield " ".join(filter(None, [*left, removed, added, *right]))


def _are_lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} letters)"


def _distance(before: Any, after: Any) -> str:
    """Return the relative distance of two numbers: rounding shows as such."""
    numbers = (before, after)
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        return ""
    scale = max(map(abs, numbers))
    return f" ({abs(after - before) / scale:.1e} relative)" if math.isfinite(scale) else ""
