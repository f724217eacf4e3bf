"""Pairs of answers for a judge: known winners of a snapshot, and a policy's beside others'."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feedback.training.promotion.gate import FEWEST_PROMPTS
from feedback.training.promotion.samples import Sample
from trainers.data.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two answers to a prompt; `preferred` is compared with `other`."""

    prompt_id: str
    messages: Sequence[Mapping[str, str]]
    preferred: str
    other: str

    @property
    def letters(self) -> int:
        """Return how much a judge would have to read."""
        return sum(map(len, (self.conversation, self.preferred, self.other)))

    @property
    def conversation(self) -> str:
        """Return the messages as one text."""
        return "\n\n".join(f"{one['role']}: {one['content']}" for one in self.messages)


def known_winners(snapshot: Path) -> list[Pair]:
    """Return the comparisons of test prompts that most raters decided, the better answer first.

    People's judgments alone where these decide enough of them, else those of AI raters.
    """
    opened = Snapshot.open(snapshot)
    tests = {row["prompt_id"]: row for row in opened.table("prompts").to_pylist()}
    tests = {key: row for key, row in tests.items() if row["split"] == "test" and row["messages"]}
    columns = ["comparison_id", "prompt_id", "response_a", "response_b", "rater_kind", "choice"]
    judged = opened.table("preferences", columns).to_pylist()
    judged = [row for row in judged if row["prompt_id"] in tests and row["response_a"]]
    answers = opened.table("responses", ["response_id", "text"]).to_pylist()
    texts = {row["response_id"]: row["text"] for row in answers}
    for kind in ("human", "ai"):
        winners = _decided(row for row in judged if row["rater_kind"] == kind)
        pairs = [
            Pair(
                prompt_id=row["prompt_id"],
                messages=tests[row["prompt_id"]]["messages"],
                preferred=texts[row[f"response_{winner}"]],
                other=texts[row[f"response_{'b' if winner == 'a' else 'a'}"]],
            )
            for row, winner in winners
        ]
        if len({pair.prompt_id for pair in pairs}) >= FEWEST_PROMPTS:
            return pairs
    return []


def _decided(rows: Iterable[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
    """Return one row of each comparison with the side that more than half of its raters chose."""
    by_comparison: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_comparison.setdefault(row["comparison_id"], []).append(row)
    found = []
    for comparison in sorted(by_comparison):
        votes = [row["choice"] for row in by_comparison[comparison]]
        winner = next((side for side in "ab" if 2 * votes.count(side) > len(votes)), None)
        if winner is not None:
            found.append((by_comparison[comparison][0], winner))
    return found


def pairs_beside_base(samples: Sequence[Sample]) -> Iterator[Pair]:
    """Yield each of a policy's answers beside its base's."""
    for one in samples:
        yield Pair(
            prompt_id=one.prompt_id,
            messages=one.messages,
            preferred=one.policy,
            other=one.reference,
        )


def pairs_beside_incumbent(
    samples: Sequence[Sample], incumbent: Sequence[Sample]
) -> Iterator[Pair]:
    """Yield the answers of both policies to the prompts that both were sampled on."""
    before = {one.prompt_id: one.policy for one in incumbent}
    for one in samples:
        if one.prompt_id in before:
            yield Pair(
                prompt_id=one.prompt_id,
                messages=one.messages,
                preferred=one.policy,
                other=before[one.prompt_id],
            )
