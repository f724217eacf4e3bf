"""Small seeded pools for the tests of trainers: real texts, a known truth behind the votes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trainers.data.formats import Judgment, OutcomeRecord, PairRecord, Record
from trainers.data.snapshot import Snapshot
from trainers.data.snapshot.build import build_snapshot

SUBJECTS = ("algebra", "the sea", "bread", "contracts", "lungs", "violins", "bridges", "soil")
ASKS = ("Explain", "Summarise", "Give me three facts about", "Write a short note on")
GOOD = "Here is a clear and careful explanation of {}, with an example that you can check."
BAD = "idk maybe google {} lol"


def judgment(rater: str, choice: str) -> Judgment:
    return Judgment(
        rater=rater,
        rater_kind="human",
        choice=choice,  # type: ignore[arg-type]
        strength=None,
        confidence=None,
        aspects={},
        reasons=[],
        rationale="",
        duration_ms=None,
        created_at=None,
        order_shown=None,
    )


def pair_record(prompt: str, texts: tuple[str | None, str | None], **fields: Any) -> PairRecord:
    values: dict[str, Any] = {
        "row": 1,
        "external_id": None,
        "messages": ({"role": "user", "content": prompt},) if prompt else (),
        "question_id": None,
        "response_a": texts[0],
        "response_b": texts[1],
        "model_a": "a",
        "model_b": "b",
        "topics": (),
        "language": "en",
        "source": "test",
        "licence": "MIT",
        "judgments": (),
        **fields,
    }
    return PairRecord(**values)


def careful_answers_win(prompts: int, seed: int = 0) -> Iterator[PairRecord]:
    """Pairs of a careful and a careless answer, of equal length; three raters, 15 % slips each."""
    rng = np.random.default_rng(seed)
    for number in range(prompts):
        subject = f"{SUBJECTS[number % len(SUBJECTS)]} ({number})"
        good, bad = GOOD.format(subject), BAD.format(subject)
        bad = bad.ljust(len(good), ".")
        good_first = bool(rng.integers(2))
        right = "a" if good_first else "b"
        wrong = "b" if good_first else "a"
        votes = [wrong if rng.random() < 0.15 else right for _ in range(3)]
        yield pair_record(
            f"{ASKS[number % len(ASKS)]} {subject}",
            (good, bad) if good_first else (bad, good),
            judgments=tuple(judgment(f"r{rater}", vote) for rater, vote in enumerate(votes)),
        )


def outcome_record(prompt: str, model: str, score: float) -> OutcomeRecord:
    return OutcomeRecord(
        row=1,
        external_id=None,
        messages=({"role": "user", "content": prompt},),
        question_id=None,
        model=model,
        score=score,
        topics=(),
        source="test",
        licence="MIT",
    )


def specialists(prompts: int, seed: int = 0) -> Iterator[OutcomeRecord]:
    """One model a subject, right on 90 % of its own subject and 20 % of the others."""
    rng = np.random.default_rng(seed)
    for number in range(prompts):
        subject = SUBJECTS[number % 4]
        prompt = f"{ASKS[number % 3]} {subject} and the number {number}"
        for model in SUBJECTS[:4]:
            chance = 0.9 if model == subject else 0.2
            yield outcome_record(prompt, f"expert in {model}", float(rng.random() < chance))


def snapshot_of(out: Path, records: Iterator[Record] | list[Record]) -> Snapshot:
    build_snapshot(records, out, filters={"source": "test"})
    return Snapshot.open(out)
