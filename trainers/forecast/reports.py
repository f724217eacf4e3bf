"""How good models are on benchmarks, and how that is known: what an artifact says of it."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

from trainers.artifacts import read_json

FILE = "benchmarks.json"
DIGITS = 6  # kept of a number: fits that differ by rounding alone then give equal bytes

How = Literal["measured", "estimated", "forecast"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """A model's mean score on a benchmark, in [0, 1], with a 95 % interval.

    `n` questions it was run on: nearly all of them is "measured", some "estimated", none
    "forecast".
    """

    how: How
    n: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkReport:
    """A benchmark's name, its topic where it is a part of one, and how many questions it has.

    `models` are those whose accuracy can be told.
    """

    source: str
    topic: str
    questions: int
    models: dict[str, Accuracy]


def write_reports(folder: Path, reports: Sequence[BenchmarkReport]) -> None:
    """Write one JSON file beside the tensors.

    A model's accuracy is a list in the order of `Accuracy`'s fields.
    """
    rows = [
        {
            "source": one.source,
            "topic": one.topic,
            "questions": one.questions,
            "models": {
                model: [round(x, DIGITS) if isinstance(x, float) else x for x in astuple(known)]
                for model, known in one.models.items()
            },
        }
        for one in reports
    ]
    text = json.dumps({"benchmarks": rows}, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read_reports(folder: Path) -> tuple[BenchmarkReport, ...]:
    """Return the benchmarks of an artifact; none of one that was made before there were any."""
    if not (folder / FILE).exists():
        return ()
    rows = read_json(folder / FILE)["benchmarks"]
    return tuple(
        BenchmarkReport(
            source=row["source"],
            topic=row["topic"],
            questions=row["questions"],
            models={model: _accuracy(*known) for model, known in row["models"].items()},
        )
        for row in rows
    )


def _accuracy(how: How, n: int, accuracy: float, low: float, high: float) -> Accuracy:
    """Return the accuracy that a stored list stands for."""
    return Accuracy(how=how, n=n, accuracy=accuracy, low=low, high=high)
