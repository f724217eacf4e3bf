"""Pairs of answers that show a manner: what the shipped adapters of the house models learn.

Derived from the recorded English answers, mostly so that both answers of a pair say the same and
only the manner differs; a model of this size learns how to write from them, and no facts.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent
STEPS = range(3, 7)  # sentences that make a list worth numbering
BRIEF_WORDS = range(8, 46)

Row = dict[str, Any]
Answers = Mapping[str, Row]  # of one prompt, by the name of the house model


class Contrast(NamedTuple):
    """A preferred answer and another one to the same prompt."""

    chosen: str
    rejected: str


def brief(answers: Answers) -> Iterator[Contrast]:
    """Yield the first two sentences of the sound answer against all of it."""
    whole = plain(answers.get("House Generalist"))
    start = " ".join(sentences(whole)[:2])
    if len(start.split()) in BRIEF_WORDS and len(start) < 0.7 * len(whole):
        yield Contrast(start, whole)


def steps(answers: Answers) -> Iterator[Contrast]:
    """Yield the sentences of an answer as numbered steps against the same as one paragraph."""
    for model in ("House Generalist", "House Cook", "House Jurist"):
        found = sentences(plain(answers.get(model)))
        if len(found) >= STEPS.start:
            kept = found[: STEPS.stop - 1]
            numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(kept, start=1))
            yield Contrast(numbered, " ".join(kept))


def health(answers: Answers) -> Iterator[Contrast]:
    """Yield the two careful answers on health against two that are not."""
    for careful in ("House Medic", "House Generalist"):
        for careless in ("House Mini", "House Writer"):
            found = [answers.get(careful), answers.get(careless)]
            if all(row is not None and "medicine" in row["topics"] for row in found):
                yield Contrast(unformatted(found[0]), unformatted(found[1]))


def creative(answers: Answers) -> Iterator[Contrast]:
    """Yield the writer's prose against a plain answer."""
    others = [answers[name] for name in ("House Generalist", "House Jurist") if name in answers]
    if "House Writer" in answers and others:
        yield Contrast(unformatted(answers["House Writer"]), unformatted(others[0]))


MANNERS: Mapping[str, Callable[[Answers], Iterator[Contrast]]] = {
    each.__name__: each for each in (brief, steps, health, creative)
}


def preference_rows(manner: str, system_prompt: str) -> Iterator[Row]:
    """Yield the pairs of a manner in the format `trl`, under the prompt it is served with."""
    for prompt, answers in recorded().items():
        messages = [
            {"role": "system", "content": system_prompt},
            {"role": "user", "content": prompt},
        ]
        for pair in MANNERS[manner](answers):
            yield {
                "prompt": messages,
                "chosen": [{"role": "assistant", "content": pair.chosen}],
                "rejected": [{"role": "assistant", "content": pair.rejected}],
                "language": "en",
                "source": "starter",
                "licence": "CC0-1.0",
                "rater_kind": "ai",
                "rater_id": "Starter manners",
            }


def recorded() -> dict[str, dict[str, Row]]:
    """Return the recorded English answers by prompt and house model."""
    found: dict[str, dict[str, Row]] = {}
    with (FOLDER / "responses.jsonl").open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            if row["language"] == "en":
                found.setdefault(row["prompt"], {})[row["model"]] = row
    return found


def plain(row: Row | None) -> str:
    """Return an answer as one paragraph; "" where there is none or its layout is its content."""
    if row is None or re.search(r"^>|^\||```", row["response"], re.MULTILINE):
        return ""
    text = re.sub(r"^(?:[-*]|\d+[.)]) +", "", unformatted(row), flags=re.MULTILINE)
    return re.sub(r"\s+", " ", text).strip()


def unformatted(row: Row | None) -> str:
    """Return an answer without emphasis and quotation marks of Markdown."""
    text = row["response"] if row is not None else ""
    text = re.sub(r"^> ?", "", text, flags=re.MULTILINE)
    return re.sub(r"\*\*|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)", "", text).strip()


def sentences(text: str) -> list[str]:
    """Return the sentences of a paragraph: cut behind a stop that a capital letter follows."""
    parts = re.split(r"(?<=[.!?]) (?=[A-Z])", text)
    return [part for part in parts if part]
