"""A simulated feedback loop on real outcomes: who learns fastest whom to serve; run by hand.

    python tests/benchmarks/bench_routing_loop.py SNAPSHOT [seeds] [votes]

SNAPSHOT holds outcomes (MMLU-Pro). An embedding of all models but two new models, on half of the
training prompts, gives the frozen projection. The arms are the models under 45 %, whose vectors
are forgotten: each begins at the prior. A vote's logit is the gap over a temperature, fitted to
votes between the known vectors on the prompts that trained them. Votes are on the other half and
the validation prompts: of two models of which one is right, the right one is preferred with the
chance 1 - e at which two people agree as often as on LLMFAO (70.1 %, ties aside); equals are a tie
so often that 38.9 % of all votes are, as there, and else a fair coin. What would be served is
measured on the test prompts, which nothing has learnt from.

`explore`, `epsilon-greedy` and `uniform` learn the same Gaussian posterior of each model's vector,
one vote at a time, and serve its best mean; they differ in whom they show. `elo-greedy` shows and
serves the highest ratings (K = 16). One new model is the least good of the others, one the best;
each joins half-way through votes of its own. Prints one JSON object. Regret is of right answers,
against a router fitted to all outcomes on the voting prompts.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from feedback.routing.policy import thompson
from tests.trainers.worlds import fitted
from trainers.data.holdout import Holdout
from trainers.data.snapshot import Snapshot
from trainers.embedding.config import EmbeddingConfig
from trainers.encoding.encoder import Encoder
from trainers.model_vectors.evidence import Evidence, Outcomes, read_evidence
from trainers.model_vectors.posterior import Observations, Prior, fit_new_model
from trainers.statistics.measures import fit_temperature

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SPECIALISED = 0.45
AGREEMENT = 0.701  # of two people on LLMFAO
MISTAKEN = (1.0 - np.sqrt(2.0 * AGREEMENT - 1.0)) / 2.0  # (1 - e)^2 + e^2 = AGREEMENT
TIED = 0.389  # of the votes of LLMFAO
DRAWS, EPSILON, ELO_K = 200, 0.1, 16.0
CHECK_EVERY, STAYS = 25, 4  # a new model is found when it leads in so many checks on end
MARKS = (250, 500, 1000, 2000, 3000, 4000, 5000)
POLICIES = ("explore", "explore, half as wide", "uniform", "elo-greedy", "epsilon-greedy")


@dataclass(frozen=True)
class Bed:
    """Features z and right answers (prompts, models) to vote on and to test on, and the prior."""

    models: list[str]
    z: Array
    right: Array
    z_test: Array
    right_test: Array
    prior: Prior
    offset: float
    temperature: float
    tie: float  # how likely a vote on equals is a tie

    def only(self, arms: Any) -> "Bed":
        """With some of the models."""
        return Bed(
            [self.models[arm] for arm in arms],
            self.z,
            self.right[:, arms],
            self.z_test,
            self.right_test[:, arms],
            self.prior,
            self.offset,
            self.temperature,
            self.tie,
        )

    @cached_property
    def best(self) -> tuple[Ints, float]:
        """What a router that knows every outcome serves on the voting prompts; its test score."""
        vectors = np.stack([self.fit(arm) for arm in range(len(self.models))])
        served = (self.z_test @ vectors.T).argmax(1)
        return (self.z @ vectors.T).argmax(1), float(at(self.right_test, served).mean())

    def fit(self, arm: int) -> Array:
        """The vector of one model from all of its outcomes."""
        every = np.ones(len(self.z))
        seen = Observations(
            features=self.z, known=self.offset * every, score=self.right[:, arm], weight=every
        )
        return fit_new_model(seen, self.prior)[0]


class Learner:
    """Gaussian posteriors of the models' vectors, and Elo ratings; both see every vote."""

    def __init__(self, bed: Bed) -> None:
        count = len(bed.models)
        self.mean = np.tile(bed.prior.mean, (count, 1))
        self.covariance = np.tile(bed.prior.covariance, (count, 1, 1))
        self.elo = np.full(count, 1000.0)

    def believed(self, z: Array) -> tuple[Array, Array]:
        """Means and deviations of all models' logits on one prompt."""
        return self.mean @ z, np.sqrt((self.covariance @ z) @ z)

    def learn(self, z: Array, a: int, b: int, won: float) -> None:
        """One Newton step from the posterior so far; each model's posterior stands alone."""
        spread = [self.covariance[arm] @ z for arm in (a, b)]
        chance = 1.0 / (1.0 + np.exp(-(self.mean[a] - self.mean[b]) @ z))
        bend = chance * (1.0 - chance)
        scale = 1.0 + bend * (spread[0] @ z + spread[1] @ z)
        for arm, along, sign in ((a, spread[0], 1.0), (b, spread[1], -1.0)):
            self.mean[arm] += sign * along * (won - chance) / scale
            self.covariance[arm] -= np.outer(along, along) * (bend / scale)
        expected = 1.0 / (1.0 + 10.0 ** ((self.elo[b] - self.elo[a]) / 400.0))
        self.elo[a] += ELO_K * (won - expected)
        self.elo[b] -= ELO_K * (won - expected)


def main() -> None:
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    votes = int(sys.argv[3]) if len(sys.argv) > 3 else 5000
    pool = bed_of(Path(sys.argv[1]))
    arms = np.arange(len(pool.models) - 2)
    at_start = pool.only(arms)
    found = {
        "models": len(at_start.models),
        "voting_prompts": len(pool.z),
        "test_prompts": len(pool.z_test),
        "mistaken": round(float(MISTAKEN), 3),
        "temperature": round(pool.temperature, 2),
        "tie_between_equals": round(pool.tie, 3),
        "test_scores": {
            "router that knows all outcomes": round(at_start.best[1], 4),
            "best single model": round(float(at_start.right_test.mean(0).max()), 4),
            "random": round(float(at_start.right_test.mean()), 4),
            "new_models": [round(float(one), 4) for one in pool.right_test.mean(0)[-2:]],
        },
        "regret": {p: loop_of(at_start, p, seeds, votes) for p in POLICIES},
        "arrival": {
            name: {p: arrival_of(pool.only([*arms, arm]), p, seeds, votes) for p in POLICIES}
            for name, arm in (("a little better", -2), ("much better", -1))
        },
    }
    sys.stdout.write(json.dumps(found) + "\n")


def bed_of(path: Path) -> Bed:
    """The arms, then of the models above 45 % the one that is least above it, and the best."""
    evidence = read_evidence(Snapshot.open(path))
    vectors = evidence.vectors(Encoder())
    right = np.full((len(evidence.prompts), len(evidence.models)), np.nan)
    right[evidence.outcomes.prompt, evidence.outcomes.model] = evidence.outcomes.score
    score = np.nanmean(right, 0)
    others = np.flatnonzero(score >= SPECIALISED)
    new_models = others[np.argsort(score[others])[[0, -1]]]
    arms = np.append(np.flatnonzero(score < SPECIALISED), new_models)
    teachers = np.setdiff1d(np.arange(len(score)), new_models)
    complete = ~np.isnan(right[:, arms]).any(1)
    train, holdout = evidence.holdout.train, evidence.holdout
    taught = Holdout(train=train[::2], validation=holdout.validation, test=holdout.test)
    scorer = fitted(of_models(evidence, teachers, taught), vectors, EmbeddingConfig(device="cpu"))
    asked = np.concatenate([train[1::2], holdout.validation])
    asked, tested = asked[complete[asked]], holdout.test[complete[holdout.test]]
    z = scorer.features(vectors)
    return Bed(
        [evidence.models[arm] for arm in arms],
        z[asked],
        right[asked][:, arms],
        z[tested],
        right[tested][:, arms],
        scorer.prior,
        scorer.offset,
        temperature_of(scorer.scores(vectors[taught.train]), right[taught.train], teachers),
        tie_of(right[taught.train]),
    )


def tie_of(right: Array) -> float:
    """The chance of a tie between equals that makes TIED of all votes on uniform pairs ties."""
    share, count = np.nanmean(right, 1), right.shape[1]
    equal = (share**2 + (1.0 - share) ** 2 - 1.0 / count) / (1.0 - 1.0 / count)
    return float(min(1.0, TIED / equal.mean()))


def temperature_of(logits: Array, right: Array, models: Ints) -> float:
    """The T at which sigma(gap / T) says best how votes between these models go."""
    rng, right = np.random.default_rng(0), np.nan_to_num(right[:, models])
    tie = tie_of(right)
    gaps, labels = [], []
    for prompt in range(len(right)):
        a, b = rng.choice(len(models), 2, replace=False)
        gaps.append(logits[prompt, a] - logits[prompt, b])
        labels.append(preferred(right[prompt], (a, b), tie, rng))
    return fit_temperature(np.array(gaps), np.array(labels), np.ones(len(gaps)))


def of_models(evidence: Evidence, models: Ints, holdout: Holdout) -> Evidence:
    """The outcomes of some models."""
    ran, number = evidence.outcomes, {model: place for place, model in enumerate(models)}
    rows = np.isin(ran.model, models)
    renumbered = np.array([number[model] for model in ran.model[rows]], np.int64)
    outcomes = Outcomes(prompt=ran.prompt[rows], model=renumbered, score=ran.score[rows])
    names = [evidence.models[model] for model in models]
    return Evidence(
        prompts=evidence.prompts,
        texts=evidence.texts,
        models=names,
        outcomes=outcomes,
        comparisons=evidence.comparisons,
        holdout=holdout,
    )


def at(table: Array, chosen: Ints) -> Array:
    """Of each row the entry of the chosen column."""
    return np.take_along_axis(table, chosen[:, None], 1)[:, 0]


@dataclass
class Trace:
    """What one run of votes came to."""

    served: list[float]  # right answers lost by what would have been served, a vote
    shown: list[float]  # by the two that were shown
    scores: dict[int, float]  # test score of what would be served, after so many votes
    leads: list[bool]  # whether the last model is served most, at each check


def run(bed: Bed, policy: str, seed: int, votes: int, joins: int = 0) -> Trace:
    """`votes` votes; the last model can be shown from vote `joins` on."""
    rng = np.random.default_rng(seed)
    learner, trace = Learner(bed), Trace([], [], {}, [])
    best = bed.best[0]
    for vote in range(votes):
        count = len(bed.models) - (vote < joins)
        prompt = int(rng.integers(len(bed.z)))
        z, right = bed.z[prompt] / bed.temperature, bed.right[prompt]
        mean, deviation = (one[:count] for one in learner.believed(z))
        shown = SHOW[policy](mean, deviation, learner.elo[:count], rng)
        serves = int((learner.elo[:count] if policy == "elo-greedy" else mean).argmax())
        ideal = right[best[prompt]]
        trace.served.append(ideal - right[serves])
        trace.shown.append(ideal - right[list(shown)].mean())
        learner.learn(z, *shown, won=preferred(right, shown, bed.tie, rng))
        if (vote + 1) % CHECK_EVERY == 0:
            measure(bed, learner, policy, trace, vote + 1, count)
    return trace


def measure(bed: Bed, learner: Learner, policy: str, trace: Trace, vote: int, count: int) -> None:
    """What would be served on the test prompts now."""
    if policy == "elo-greedy":
        served = np.full(len(bed.z_test), learner.elo[:count].argmax())
    else:
        served = (bed.z_test @ learner.mean[:count].T).argmax(1)
    if vote in MARKS:
        trace.scores[vote] = float(at(bed.right_test, served).mean())
    shares = np.bincount(served, minlength=len(bed.models))
    trace.leads.append(bool(shares.argmax() == len(bed.models) - 1))


def preferred(right: Array, shown: tuple[int, int], tie: float, rng: np.random.Generator) -> float:
    """1 where the first of the two is preferred, 0 where the second is, else one half."""
    first, second = right[shown[0]], right[shown[1]]
    if first == second and rng.random() < tie:
        return 0.5
    chance = 0.5 if first == second else 1.0 - MISTAKEN if first > second else MISTAKEN
    return float(rng.random() < chance)


Show = Callable[[Array, Array, Array, np.random.Generator], tuple[int, int]]


def show_explore(mean: Array, deviation: Array, _elo: Array, rng: Any) -> tuple[int, int]:
    draws = mean + deviation * rng.standard_normal((DRAWS, len(mean)))
    first, second = thompson(draws).sample(2, rng)
    return first, second


def show_half(mean: Array, deviation: Array, elo: Array, rng: Any) -> tuple[int, int]:
    return show_explore(mean, deviation / 2.0, elo, rng)


def show_uniform(mean: Array, _deviation: Array, _elo: Array, rng: Any) -> tuple[int, int]:
    first, second = rng.choice(len(mean), 2, replace=False)
    return int(first), int(second)


def show_elo(_mean: Array, _deviation: Array, elo: Array, rng: Any) -> tuple[int, int]:
    first, second = np.lexsort((rng.random(len(elo)), -elo))[:2]
    return int(first), int(second)


def show_epsilon(mean: Array, deviation: Array, elo: Array, rng: Any) -> tuple[int, int]:
    return (
        show_uniform(mean, deviation, elo, rng)
        if rng.random() < EPSILON
        else show_elo(mean, deviation, mean, rng)
    )


SHOW: dict[str, Show] = {
    "explore": show_explore,
    "explore, half as wide": show_half,
    "uniform": show_uniform,
    "elo-greedy": show_elo,
    "epsilon-greedy": show_epsilon,
}


def loop_of(bed: Bed, policy: str, seeds: int, votes: int) -> dict[str, Any]:
    """Means over the seeds with 95 % intervals."""
    traces = [run(bed, policy, seed, votes) for seed in range(seeds)]
    best = bed.best[1]
    return {
        "cumulative_served": over([float(np.sum(trace.served)) for trace in traces], 1),
        "cumulative_shown": over([float(np.sum(trace.shown)) for trace in traces], 1),
        "final_served": over([best - trace.scores[max(trace.scores)] for trace in traces], 4),
        "curve": {
            mark: round(float(np.mean([best - trace.scores[mark] for trace in traces])), 4)
            for mark in traces[0].scores
        },
    }


def arrival_of(bed: Bed, policy: str, seeds: int, votes: int) -> dict[str, Any]:
    """Votes from its arrival, half-way, until the last model is and stays the most served."""
    joins = votes // 2
    waits: list[float] = []
    late: list[float] = []
    for seed in range(seeds):
        trace = run(bed, policy, seed, votes, joins)
        leads = trace.leads[joins // CHECK_EVERY :]
        windows = [all(leads[i : i + STAYS]) for i in range(len(leads) - STAYS + 1)]
        waits.append((windows.index(True) + 1) * CHECK_EVERY if any(windows) else np.inf)
        late.append(float(np.sum(trace.served[joins:])))
    reached = [wait for wait in waits if np.isfinite(wait)]
    return {
        "found_in": f"{len(reached)} of {seeds}",
        "votes_until_found": {
            "median": float(np.median(waits)) if np.isfinite(np.median(waits)) else None,
            "each": sorted(reached),
        },
        "cumulative_served_since": over(late, 1),
    }


def over(values: list[float], digits: int) -> dict[str, Any]:
    """The mean with its 95 % interval over seeds: Student's t of ten seeds, 2.262."""
    half = 2.262 * float(np.std(values, ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    mean = float(np.mean(values))
    return {
        "mean": round(mean, digits),
        "ci": [round(mean - half, digits), round(mean + half, digits)],
    }


if __name__ == "__main__":
    main()
