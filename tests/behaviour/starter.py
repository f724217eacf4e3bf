"""The files that recordings are made from: those of the checkout that records, for both."""

import gzip
import json
from pathlib import Path
from typing import Any

STARTER = Path(__file__).resolve().parents[2] / "feedback" / "pool" / "starter"
PEOPLE, SINGLE = "people", "single"  # sources of rows that the starter pool has none of
JUDGED_BY_PEOPLE = 60  # rows
CHOICES = ("a", "b", "tie", "both_bad")


def starter_prompts() -> list[str]:
    """Return each prompt of the starter pool once, in the order of its file."""
    lines = (STARTER / "responses.jsonl").read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(json.loads(line)["prompt"] for line in lines))


def write_people(folder: Path) -> dict[str, Path]:
    """Write a file of judgments by people, with every field filled, and one of a single pair.

    The answers are the starter pool's; the judgments are made up, and mean nothing. Returns the
    files by the source of their rows.
    """
    with gzip.open(STARTER / "judgments.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    files = {
        PEOPLE: [_by_a_person(row, n) for n, row in enumerate(rows[:JUDGED_BY_PEOPLE])],
        SINGLE: [{**rows[0], "source": SINGLE}],
    }
    written = {}
    for source, lines in files.items():
        written[source] = folder / f"{source}.jsonl"
        written[source].write_text("".join(json.dumps(line) + "\n" for line in lines))
    return written


def _by_a_person(row: dict[str, Any], n: int) -> dict[str, Any]:
    choice = CHOICES[n % len(CHOICES)]
    made_up = {
        "id": f"people {n}",
        "choice": choice,
        "strength": 0.5 if choice in "ab" else None,
        "aspects": {"accuracy": "a", "clarity": "tie"},
        "confidence": 0.75,
        "reasons": ["too long"],
        "rationale": f"Reason {n}, with a comma and a \u201cquote\u201d.",
        "rater_id": f"Person {n % 7}",
        "rater_kind": "human",
        "duration_ms": 20_000 + n,
        "created_at": "2026-01-02T03:04:05Z",
        "source": PEOPLE,
    }
    return {**{key: value for key, value in row.items() if key != "judge"}, **made_up}
