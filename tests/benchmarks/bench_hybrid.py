"""Human budget spent by the hybrid router against the same budget spent at random.

    PYTHONPATH=platform:. python tests/benchmarks/bench_hybrid.py [--draws 20]

Prints JSON. Each draw gives every pair of LLMFAO (several people a pair, GPT-4 and GPT-3.5) one
human vote as the label a campaign would buy; the majority of the pair's other votes is the truth,
pairs where they are split are left out of the score. Pairs that do not go to people keep their AI
label, the likeliest choice by the AI labels alone. Chatbot Arena (one person a pair, three judges)
has no second vote to check against: there the human vote is the truth, so that its numbers say
which share of the judges' errors the router finds. `_ci`: 95 % over the draws.
"""

import argparse
import json
import os
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django

django.setup()

from feedback.quality.votes import Votes  # noqa: E402

from feedback.hybrid.draw import decisions_draw  # noqa: E402
from feedback.hybrid.labels import ai_posteriors, signals_from  # noqa: E402
from feedback.hybrid.models import Destination  # noqa: E402
from trainers.data.formats import PairRecord, read  # noqa: E402
from trainers.statistics.consensus import CLASSES  # noqa: E402

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
BUDGETS = (0.25, 0.5, 0.75)
EXPLORE_SHARE = 0.1
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

Labels = dict[UUID, str]
People = dict[UUID, list[str]]


class Pool:
    """Pairs of one source: what judges said, what people said."""

    def __init__(self, *profiles: str) -> None:
        self.judges: dict[UUID, dict[str, str]] = defaultdict(dict)
        self.people: People = defaultdict(list)
        known: dict[tuple[object, ...], UUID] = {}
        for profile in profiles:
            for record in read(
                DATA / f"{profile}.parquet", format="preferences", profile=Path(profile)
            ):
                if isinstance(record, PairRecord):
                    prompt = record.messages[0]["content"] if record.messages else ""
                    key = (prompt, record.question_id, record.model_a, record.model_b)
                    self._add(known.setdefault(key, UUID(int=len(known))), record)

    def _add(self, pair: UUID, record: PairRecord) -> None:
        for judgment in record.judgments:
            if judgment.rater_kind == "ai":
                self.judges[pair][judgment.rater] = judgment.choice
            else:
                self.people[pair].append(judgment.choice)

    def votes(self, human: Mapping[UUID, str]) -> tuple[Votes, dict[int, str]]:
        """The AI labels and some human ones as arrays, and the judge behind each AI rater."""
        votes = Votes()
        names = sorted({name for said in self.judges.values() for name in said})
        ids = {name: UUID(int=index) for index, name in enumerate(names)}
        for pair, said in self.judges.items():
            for name, choice in said.items():
                votes.add(pair, ids[name], choice, EPOCH, "ai", "")
        for pair, choice in human.items():
            votes.add(pair, UUID(int=len(ids)), choice, EPOCH, "human", "")
        return votes, {votes.rater_ids[ids[name]]: name for name in names}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=20)
    draws = parser.parse_args().draws
    result = {
        "llmfao": measure(Pool("llmfao_pairs", "llmfao_votes"), draws, held_out=True),
        "arena": measure(Pool("arena_human_ai_votes"), min(draws, 5), held_out=False),
    }
    print(json.dumps(result))


def measure(pool: Pool, draws: int, *, held_out: bool) -> dict[str, object]:
    """Accuracy of the mixed labels, routed and random, by budget."""
    pairs = sorted(pair for pair in pool.people if pair in pool.judges)
    found: dict[str, list[float]] = defaultdict(list)
    for seed in range(draws):
        bought, truth = deal(pool.people, pairs, random.Random(seed), held_out=held_out)
        # The judges are weighed by a first round: one in twenty pairs has its human label.
        first = random.Random(seed).sample(pairs, len(pairs) // 20)
        votes, families = pool.votes({pair: bought[pair] for pair in first})
        signals = signals_from(votes, families, pairs)
        posteriors, _ = ai_posteriors(votes)
        ai = {pair: CLASSES[int(posteriors[votes.item_ids[pair]].argmax())] for pair in pairs}
        found["ai_only"].append(accuracy(ai, truth))
        found["human_only"].append(accuracy(bought, truth))
        for budget in BUDGETS:
            people = int(budget * len(pairs))
            decisions = decisions_draw(
                signals, people=people, explore_share=EXPLORE_SHARE, seed=seed
            )
            routed = [d.comparison for d in decisions if d.destination == Destination.HUMAN]
            at_random = random.Random(seed).sample(pairs, people)
            by_router = accuracy(mixed(ai, bought, routed), truth)
            by_chance = accuracy(mixed(ai, bought, at_random), truth)
            name = f"{budget:.0%}"
            found[f"hybrid {name}"].append(by_router)
            found[f"random {name}"].append(by_chance)
            found[f"difference {name}"].append(by_router - by_chance)
    return {"pairs": len(pairs), "draws": draws} | {
        name: summary(values) for name, values in found.items()
    }


def deal(
    people: People, pairs: Sequence[UUID], rng: random.Random, *, held_out: bool
) -> tuple[Labels, Labels]:
    """One human vote a pair to buy, and the truth: the clear majority of its other votes."""
    bought, truth = {}, {}
    for pair in pairs:
        votes = rng.sample(people[pair], len(people[pair]))
        bought[pair] = votes[0]
        counts = Counter(votes[1:] if held_out else votes).most_common(2)
        if counts and (len(counts) == 1 or counts[0][1] > counts[1][1]):
            truth[pair] = counts[0][0]
    return bought, truth


def mixed(ai: Labels, bought: Labels, routed: Sequence[UUID]) -> Labels:
    """AI labels, and human ones where people were asked."""
    return ai | {pair: bought[pair] for pair in routed}


def accuracy(labels: Labels, truth: Labels) -> float:
    """The share of labels that are the truth."""
    return sum(labels[pair] == right for pair, right in truth.items()) / len(truth)


def summary(values: Sequence[float]) -> dict[str, object]:
    """The mean over draws and its interval."""
    mean = statistics.fmean(values)
    half = 1.96 * statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return {"mean": round(mean, 4), "ci": [round(mean - half, 4), round(mean + half, 4)]}


if __name__ == "__main__":
    main()
