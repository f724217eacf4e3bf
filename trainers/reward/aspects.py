"""What raters said of single aspects (helpfulness, correctness, …), as soft labels of pairs."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from trainers.arrays import Floats
from trainers.data.snapshot import Snapshot

WINS = {"a": 1.0, "b": 0.0, "tie": 0.5, "both_bad": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One aspect of n comparisons.

    label   [n] P(a is better) + P(tie) / 2; 0 where nobody judged it
    tie     [n] P(tie)
    raters  [n] how many judged it
    """

    label: Floats
    tie: Floats
    raters: Floats


def read_aspects(snapshot: Snapshot, comparisons: Iterable[str]) -> dict[str, Aspect]:
    """Return every aspect that someone judged of the comparisons, by name, alphabetically."""
    path = snapshot.path / "preferences.parquet"
    if "aspects" not in pq.read_schema(path).names:
        return {}
    rows = {comparison: row for row, comparison in enumerate(comparisons)}
    table = snapshot.table("preferences", ["comparison_id", "aspects"])
    sums: dict[str, Floats] = {}
    for comparison, text in zip(
        *(table[name].to_pylist() for name in table.column_names), strict=True
    ):
        if comparison in rows and text:
            for name, choice in _choices(text):
                # [3, n]: wins of a, ties, raters; a tie adds half a win.
                counts = sums.setdefault(name, np.zeros((3, len(rows))))
                counts[:, rows[comparison]] += WINS[choice], WINS[choice] == 0.5, 1.0
    return {name: _aspect(*counts) for name, counts in sorted(sums.items())}


def _aspect(wins: Floats, ties: Floats, raters: Floats) -> Aspect:
    judged = np.maximum(raters, 1.0)  # 0 of nobody is 0, not 0 / 0
    return Aspect(label=wins / judged, tie=ties / judged, raters=raters)


def _choices(text: str) -> Iterable[tuple[str, str]]:
    """Yield the aspects of one judgment that say which answer is better."""
    given: Any = json.loads(text)
    return ((name, choice) for name, choice in given.items() if choice in WINS)
