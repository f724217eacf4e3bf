"""A snapshot straight from records of a public file, without the web application.

Every identifier is a digest of content: the same file gives the same snapshot anywhere.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainers.data.choices import FLIPPED
from trainers.data.formats.records import (
    Judgment,
    Message,
    OutcomeRecord,
    PairRecord,
    Record,
    ResponseRecord,
    Skipped,
)
from trainers.data.snapshot.splits import first_user_message, split_of
from trainers.data.snapshot.writer import SnapshotWriter
from trainers.statistics.consensus import CLASSES, dawid_skene

BATCH = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A finished snapshot: its digest, the rows of its tables, what was skipped and why."""

    digest: str
    counts: Mapping[str, int]
    skipped: Mapping[str, int]


class NoUsableRowError(Exception):
    """The records held nothing to make a snapshot of; says what was skipped."""

    def __init__(self, skipped: Mapping[str, int]) -> None:
        reasons = ", ".join(skipped)
        super().__init__(f"holds no usable row ({sum(skipped.values())} skipped: {reasons or '-'})")


def build_snapshot(
    records: Iterable[Record | Skipped], out: Path, *, filters: Mapping[str, Any]
) -> Built:
    """Write a snapshot of the records at `out`, consensus of all judgments included."""
    with SnapshotWriter(out) as writer:
        builder = _Builder(writer)
        for record in records:
            builder.add(record)
        builder.close()
        if not any(writer.counts.values()):
            raise NoUsableRowError(builder.skipped)
        digest = writer.finish(filters=filters, licence=sorted(builder.licences))
        return Built(digest=digest, counts=writer.counts, skipped=dict(builder.skipped))


def identifier(*parts: str | None) -> str:
    """Return 32 hexadecimal digits that depend on the parts and on their order."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclass(slots=True)
class _Votes:
    """All judgments as numbers, for the consensus: a few bytes each."""

    comparisons: dict[str, int] = field(default_factory=dict)
    raters: dict[str, int] = field(default_factory=dict)
    items: array[int] = field(default_factory=lambda: array("q"))
    voters: array[int] = field(default_factory=lambda: array("q"))
    choices: array[int] = field(default_factory=lambda: array("q"))
    # A rater's group: people and AI judges have pooled priors of their own.
    is_ai: array[int] = field(default_factory=lambda: array("q"))

    def add(self, comparison: str, rater: str, kind: str, choice: str) -> None:
        """Append one judgment."""
        if rater not in self.raters:
            self.raters[rater] = len(self.raters)
            self.is_ai.append(kind == "ai")
        self.items.append(self.comparisons.setdefault(comparison, len(self.comparisons)))
        self.voters.append(self.raters[rater])
        self.choices.append(CLASSES.index(choice))


class _Builder:
    """Takes records one by one, writes rows in batches, keeps what makes rows unique."""

    def __init__(self, writer: SnapshotWriter) -> None:
        self.writer = writer
        self.licences: set[str] = set()
        self.skipped: Counter[str] = Counter()
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.seen: set[str] = set()
        self.side_a: dict[str, str] = {}
        self.ordinals: Counter[tuple[str, str]] = Counter()
        self.votes = _Votes()

    def add(self, record: Record | Skipped) -> None:
        """Write what a record holds, or count why it was skipped."""
        if isinstance(record, Skipped):
            self.skipped[record.reason] += 1
            return
        if record.licence:
            self.licences.add(record.licence)
        prompt = self.prompt(record)
        if isinstance(record, PairRecord):
            self.pair(record, prompt)
        elif isinstance(record, ResponseRecord):
            self.model(record.model)
            self.response(prompt, record.model, record.text)
        else:
            self.outcome(record, prompt)

    def prompt(self, record: Record) -> str:
        """Write a record's prompt and return its id.

        A conversation is one prompt wherever it occurs; a bare question is its source's own.
        """
        messages = [_message(message) for message in record.messages]
        name = None if messages else record.question_id
        key = identifier("prompt", json.dumps(messages), name, None if messages else record.source)
        self.once(
            "prompts",
            key,
            {
                "prompt_id": key,
                "messages": messages,
                "topics": list(record.topics),
                "language": "" if isinstance(record, OutcomeRecord) else record.language,
                "split": split_of(first_user_message(messages) or name or ""),
            },
        )
        return key

    def pair(self, record: PairRecord, prompt: str) -> None:
        """Write a pair: its models, its answers and its judgments."""
        self.model(record.model_a)
        self.model(record.model_b)
        a = self.response(prompt, record.model_a, record.response_a)
        b = self.response(prompt, record.model_b, record.response_b)
        # Votes without texts are about models: these stand for their answers.
        sides = (a or f"model {record.model_a}", b or f"model {record.model_b}")
        comparison = identifier("comparison", prompt, *sorted(sides))
        # Two rows of one pair must be one comparison, whichever answer either calls a.
        # The sides of the first row stay; a later row the other way round is turned.
        turned = self.side_a.setdefault(comparison, sides[0]) != sides[0]
        fields = {
            "comparison_id": comparison,
            "prompt_id": prompt,
            "response_a": b if turned else a,
            "response_b": a if turned else b,
            "model_a": record.model_b if turned else record.model_a,
            "model_b": record.model_a if turned else record.model_b,
        }
        for judgment in record.judgments:
            self.preference(fields, judgment, record.source, turned=turned)

    def preference(
        self, fields: Mapping[str, Any], judgment: Judgment, source: str, *, turned: bool
    ) -> None:
        """Write one judgment, in the order of the comparison's sides."""
        comparison = fields["comparison_id"]
        rater = identifier("rater", source, judgment.rater_kind, judgment.rater)
        choice = FLIPPED[judgment.choice] if turned else judgment.choice
        # The same rater may judge a pair twice: the ordinal keeps the two rows' ids apart.
        ordinal = self.ordinals[comparison, rater]
        self.ordinals[comparison, rater] += 1
        self.votes.add(comparison, rater, judgment.rater_kind, choice)
        row = {
            "preference_id": identifier("preference", comparison, rater, str(ordinal)),
            **fields,
            "rater": rater,
            "rater_kind": judgment.rater_kind,
            "choice": choice,
            "strength": judgment.strength,
            "weight": 1.0,
            "created_at": judgment.created_at,
            "aspects": _aspects(judgment, turned=turned),
        }
        self.write("preferences", row)

    def response(self, prompt: str, model: str | None, text: str | None) -> str | None:
        """Write an answer and return its id; None where there is no text."""
        if text is None:
            return None
        key = identifier("response", prompt, model, text)
        row = {"response_id": key, "prompt_id": prompt, "model": model, "text": text}
        self.once("responses", key, row)
        return key

    def outcome(self, record: OutcomeRecord, prompt: str) -> None:
        """Write a score; the first of a model on a prompt stays."""
        self.model(record.model)
        key = identifier("outcome", prompt, record.model)
        row = {
            "prompt_id": prompt,
            "model": record.model,
            "score": record.score,
            "source": record.source,
        }
        if not self.once("outcomes", key, row):
            self.skipped["repeated outcome"] += 1

    def model(self, model: str | None) -> None:
        """Write a model's name once."""
        if model is not None:
            row = {"model": model, "name": model, "topics": []}
            self.once("models", identifier("model", model), row)

    def once(self, table: str, key: str, row: dict[str, Any]) -> bool:
        """Write a row unless one of its key was written; says whether it was written."""
        if key in self.seen:
            return False
        self.seen.add(key)
        self.write(table, row)
        return True

    def write(self, table: str, row: dict[str, Any]) -> None:
        """Queue a row, and hand the queue on where it is full."""
        rows = self.rows.setdefault(table, [])
        rows.append(row)
        if len(rows) >= BATCH:
            self.writer.write(table, rows)
            rows.clear()

    def close(self) -> None:
        """Write the consensus, which needs every judgment, and what is still queued."""
        for row in consensus_rows(self.votes):
            self.write("consensus", row)
        for table, rows in self.rows.items():
            self.writer.write(table, rows)


def consensus_rows(votes: _Votes) -> Iterable[dict[str, Any]]:
    """Yield one row a judged comparison, in the order in which they first came."""
    found = dawid_skene(
        votes.items,
        votes.voters,
        votes.choices,
        n_items=len(votes.comparisons),
        rater_groups=votes.is_ai,
    )
    judged = [[0, 0] for _ in votes.comparisons]  # of people, of AI judges
    for item, voter in zip(votes.items, votes.voters, strict=True):
        judged[item][votes.is_ai[voter]] += 1
    for (comparison, item), posterior in zip(
        votes.comparisons.items(), found.posteriors.tolist(), strict=True
    ):
        human, ai = judged[item]
        chances = {f"p_{name}": p for name, p in zip(CLASSES, posterior, strict=True)}
        yield {"comparison_id": comparison, **chances, "n_human": human, "n_ai": ai}


def _aspects(judgment: Judgment, *, turned: bool) -> str | None:
    """Return which answer is better by each aspect, in the comparison's own order, as JSON."""
    said = {
        name: FLIPPED[choice] if turned else choice
        for name, choice in sorted(judgment.aspects.items())
        if isinstance(choice, str) and choice in FLIPPED
    }
    return json.dumps(said, ensure_ascii=False) if said else None


def _message(message: Message) -> Message:
    """Role and content alone, in that order, so that equal conversations have equal digests."""
    return {"role": message["role"], "content": message["content"]}
