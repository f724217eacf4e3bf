"""What raters said of single aspects (helpfulness, correctness, …), as soft labels of pairs."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from trainers.data.snapshot import Snapshot

Floats = NDArray[np.float64]

WINS = {"a": 1.0, "b": 0.0, "tie": 0.5, "both_bad": 0.5}


@dataclass(frozen=True, slots=True)
class Aspect:
    """One aspect of n comparisons: P(a is better) + P(tie) / 2, P(tie), and how many said so."""

    label: Floats
    tie: Floats
    raters: Floats


def read_aspects(snapshot: Snapshot, comparisons: Iterable[str]) -> dict[str, Aspect]:
    """Every aspect that someone judged of the given comparisons, by name, in alphabetical order."""
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
                said = sums.setdefault(name, np.zeros((3, len(rows))))
                said[:, rows[comparison]] += WINS[choice], WINS[choice] == 0.5, 1.0
    return {
        name: Aspect(
            said[0] / np.maximum(said[2], 1.0), said[1] / np.maximum(said[2], 1.0), said[2]
        )
        for name, said in sorted(sums.items())
    }


def _choices(text: str) -> Iterable[tuple[str, str]]:
    """The aspects of one judgment that say which answer is better."""
    given: Any = json.loads(text)
    return ((name, choice) for name, choice in given.items() if choice in WINS)
