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
from pathlib import Path
from uuid import UUID

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django
import numpy as np

django.setup()

from feedback.hybrid.draw import decisions_draw  # noqa: E402
from feedback.hybrid.labels import ai_posteriors, uncertainties  # noqa: E402
from feedback.hybrid.models import Destination  # noqa: E402
from feedback.quality.aspect_values import AspectValues  # noqa: E402
from feedback.quality.judgments import POSITION, Judgments, Raters  # noqa: E402
from trainers.data.formats import PairRecord, read  # noqa: E402
from trainers.statistics.consensus import CLASSES  # noqa: E402

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
BUDGETS = (0.25, 0.5, 0.75)
EXPLORE_SHARE = 0.1

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

    def judgments(self, human: Mapping[UUID, str]) -> tuple[Judgments, dict[int, str]]:
        """The AI labels and some human ones as arrays, and the judge behind each AI rater."""
        names = sorted({name for said in self.judges.values() for name in said})
        pairs = list(dict.fromkeys([*self.judges, *human]))
        number = {pair: place for place, pair in enumerate(pairs)}
        rows = [
            (number[pair], names.index(name), POSITION[choice])
            for pair, said in self.judges.items()
            for name, choice in said.items()
        ]
        rows += [(number[pair], len(names), POSITION[choice]) for pair, choice in human.items()]
        is_human = np.arange(len(names) + 1) == len(names)
        raters = Raters(
            ids=[*names, "a person"],
            human=is_human,
            group=is_human.astype(np.intp),
            tier_weight=np.ones(len(is_human)),
        )
        return arrays(rows, pairs, raters), dict(enumerate(names))


def arrays(
    rows: Sequence[tuple[int, int, int]], pairs: Sequence[UUID], raters: Raters
) -> Judgments:
    """Judgments of which only the pair, the rater and the choice are known."""
    comparison, rater, choice = np.array(rows, dtype=np.intp).T
    n = len(rows)
    unknown, none = np.full(n, -1), np.zeros(0, dtype=np.intp)
    return Judgments(
        keys=np.zeros(n, dtype="S36"),
        comparison=comparison,
        rater=rater,
        campaign=unknown,
        choice=choice,
        active=np.ones(n, dtype=bool),
        created=np.zeros(n, dtype=np.int64),
        pair=comparison,
        outcome=choice,
        displayed=unknown,
        pace=np.full(n, np.nan),
        gold=unknown,
        rationale=unknown,
        theta=np.full(n, 0.5),
        aspects=AspectValues(names=[], judgment=none, name=none, value=none),
        comparison_ids=[str(pair) for pair in pairs],
        campaign_ids=[],
        raters=raters,
    )


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
        judgments, families = pool.judgments({pair: bought[pair] for pair in first})
        uncertain = uncertainties(judgments, families, pairs)
        posteriors, _ = ai_posteriors(judgments)
        likeliest = dict(zip(judgments.comparison_ids, posteriors.argmax(axis=1), strict=True))
        ai = {pair: CLASSES[int(likeliest[str(pair)])] for pair in pairs}
        found["ai_only"].append(accuracy(ai, truth))
        found["human_only"].append(accuracy(bought, truth))
        for budget in BUDGETS:
            people = int(budget * len(pairs))
            decisions = decisions_draw(
                uncertain, people=people, explore_share=EXPLORE_SHARE, seed=seed
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
