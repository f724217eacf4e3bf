"""Derive the starter judgments and outcomes from the graded answers in responses.jsonl.

Run `python -m feedback.pool.starter.derive` after an edit; the same answers give the same rows.
"""

import gzip
import json
from collections.abc import Iterator
from itertools import combinations, groupby
from math import log2
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent
CONTEXT = ("topics", "language", "source", "licence")
TIE_BELOW = 0.75  # grades that read this close are equal
BAD_UP_TO = 3  # two answers graded no better than this are both bad
CLEAREST = 6  # a difference from here on has strength 1

Row = dict[str, Any]


class Editor(NamedTuple):
    """A reader's habits, in grade points."""

    name: str
    scatter: float  # standard deviation of a reading of a difference
    longer: float  # what an answer of twice the length gains
    first: float  # what the answer shown first gains


EDITORS = (
    Editor("Starter editor 1", scatter=0.7, longer=0, first=0),
    Editor("Starter editor 2", scatter=0.9, longer=0.3, first=0),
    Editor("Starter editor 3", scatter=1.1, longer=0, first=0.4),
)


def judgments(answers: list[Row]) -> Iterator[Row]:
    """Return every pair of answers to a prompt, judged by every editor."""
    for _, rows in groupby(answers, key=lambda row: row["prompt"]):
        for pair in combinations(rows, 2):
            yield from (_judgment(editor, *pair) for editor in EDITORS)


def outcomes(answers: list[Row]) -> Iterator[Row]:
    """Each answer's grade as a score in [0, 1]."""
    for row in answers:
        known = {name: row[name] for name in ("prompt", "model", *CONTEXT)}
        yield {"external_id": f"{row['external_id']}-outcome", "score": row["grade"] / 10} | known


def _judgment(editor: Editor, one: Row, other: Row) -> Row:
    pair = f"{one['external_id']} {other['external_id']}"
    a, b = (one, other) if Random(pair).random() < 0.5 else (other, one)
    chance = Random(f"{pair} {editor.name}")
    order = chance.choice(("ab", "ba"))
    length = editor.longer * log2(len(a["response"]) / len(b["response"]))
    place = editor.first if order == "ab" else -editor.first
    difference = a["grade"] - b["grade"] + length + place + chance.gauss(0, editor.scatter)
    choice = _choice(a["grade"], b["grade"], difference)
    strength = round(min(1, abs(difference) / CLEAREST), 2) if choice in ("a", "b") else None
    texts = {"messages": [{"role": "user", "content": a["prompt"]}]}
    texts |= {f"response_{side}": row["response"] for side, row in (("a", a), ("b", b))}
    models = {f"model_{side}": row["model"] for side, row in (("a", a), ("b", b))}
    verdict = {"choice": choice, "strength": strength, "order_shown": order}
    rater = {"rater_id": editor.name, "rater_kind": "ai", "judge": editor.name}
    context = {name: a[name] for name in CONTEXT}
    return {"id": f"{pair} {editor.name}"} | texts | models | verdict | rater | context


def _choice(grade_a: float, grade_b: float, difference: float) -> str:
    if max(grade_a, grade_b) <= BAD_UP_TO:
        return "both_bad"
    if abs(difference) < TIE_BELOW:
        return "tie"
    return "a" if difference > 0 else "b"


def _lines(rows: Iterator[Row]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def main() -> None:
    with (FOLDER / "responses.jsonl").open(encoding="utf-8") as file:
        answers = [json.loads(line) for line in file]
    (FOLDER / "outcomes.jsonl").write_bytes(_lines(outcomes(answers)))
    # Without a time stamp in the header, the same rows are the same bytes.
    packed = gzip.compress(_lines(judgments(answers)), mtime=0)
    (FOLDER / "judgments.jsonl.gz").write_bytes(packed)


if __name__ == "__main__":
    main()
