"""Off-policy estimates on logs whose truth is known; run by hand.

    python tests/benchmarks/bench_off_policy.py [repetitions]

A rank-4 world of 12 models and 2,000 questions decides every duel. Three logging routers (Thompson
sampling that is unsure, one that is nearly sure, both with the uniform floor of 5 %, and uniform
pairs) each show 2,000 duels to 200 people; four routers are judged from each log. Prints one JSON
object: per log and router the truth, and of each estimator the bias, the root mean squared error
and the share of 95 % intervals that hold the truth, over the repetitions and without those that
warned; and how many warned.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from feedback.routing.policy import thompson
from tests.trainers.routed import Array, Routed, routed
from trainers.off_policy.estimates import PEOPLE, estimates
from trainers.off_policy.terms import terms_of

QUESTIONS, MODELS, DECISIONS, PEOPLE_ASKING, DRAWS = 2000, 12, 2000, 200, 400
LOGS = {"uniform": None, "unsure (sd 1)": 1.0, "nearly sure (sd 0.2)": 0.2}
NAMES = ("ips", "snips", "dr")


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    found = {
        "repetitions": repetitions,
        **{name: of_log(deviation, repetitions) for name, deviation in LOGS.items()},
    }
    sys.stdout.write(json.dumps(found) + "\n")


def of_log(deviation: float | None, repetitions: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    world = routed(QUESTIONS, MODELS, 0, partial(logging, deviation, rng), spread=1.5)
    guess = world.logits + rng.normal(0.0, 1.0, world.logits.shape)
    routers = {
        "knows the truth": world.logits,
        "a noisy guess": guess,
        "one model for all": np.broadcast_to(world.logits.mean(0), world.logits.shape),
        "the worst model": -world.logits,
    }
    return {name: judge(world, scores, repetitions) for name, scores in routers.items()}


def logging(deviation: float | None, rng: np.random.Generator, logits: Array) -> Array:
    models = len(logits)
    if deviation is None:
        return (1.0 - np.eye(models)) / (models * (models - 1))
    believed = logits + rng.normal(0.0, deviation, models)
    return thompson(believed + deviation * rng.standard_normal((DRAWS, models))).pairs


def judge(world: Routed, scores: Array, repetitions: int) -> dict[str, Any]:
    """The direct model of each router is its own scores: good where the router is."""
    truth, choice = world.value(scores.argmax(1)), scores.argmax(1)
    errors: dict[str, list[float]] = {name: [] for name in NAMES}
    inside: dict[str, list[bool]] = {name: [] for name in NAMES}
    quiet: list[bool] = []
    effective: list[float] = []
    for seed in range(repetitions):
        rng = np.random.default_rng(1000 + seed)
        person = rng.integers(0, PEOPLE_ASKING, DECISIONS)
        # A person asks within a tenth of the questions: what one asks hangs together.
        questions = (person % 10) * (QUESTIONS // 10) + rng.integers(0, QUESTIONS // 10, DECISIONS)
        log = world.log(questions, rng, person)
        terms = terms_of(log, log.starts[:-1] + choice[questions], scores[questions].ravel())
        result = estimates(terms, log.cluster)
        if result is None:
            raise RuntimeError("a log of many decisions has estimates")
        quiet.append(not set(result.warnings) - {PEOPLE})
        effective.append(result.effective_n)
        for name in NAMES:
            one = getattr(result, name)
            low, high = one.interval
            errors[name].append(one.value - truth)
            inside[name].append(bool(low <= truth <= high))
    return {
        "truth": round(truth, 4),
        "effective_n": round(float(np.median(effective))),
        "warned": round(1.0 - float(np.mean(quiet)), 3),
        **{name: summary(errors[name], inside[name], np.array(quiet)) for name in NAMES},
    }


def summary(errors: list[float], inside: list[bool], quiet: Any) -> dict[str, float | None]:
    covered = np.array(inside)
    return {
        "bias": round(float(np.mean(errors)), 4),
        "rmse": round(float(np.sqrt(np.mean(np.square(errors)))), 4),
        "coverage": round(float(covered.mean()), 3),
        "coverage_quiet": round(float(covered[quiet].mean()), 3) if quiet.any() else None,
    }


if __name__ == "__main__":
    main()
