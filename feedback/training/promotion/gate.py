"""Whether a candidate may replace what is live: numbers in, a verdict with its evidence out.

docs/algorithms/promotion-gate.md states inputs, guarantees and steps.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedback.training.models import CheckpointState, Kind
from trainers.off_policy.paired import Paired

MARGIN = 0.005  # half a point: how much worse a candidate may be
DRAWS = 2000
SEED = 0
FEWEST_PROMPTS = 5  # a bootstrap over fewer says next to nothing
ENOUGH_NEWER = 100  # prompts with newer judgments that suffice to compare on them alone
CHANCE = 0.5
EMBEDDING_LOSSES = ("log_loss", "model_mean_log_loss")
PREFERENCE_LOSSES = ("preference_log_loss", "preference_mean_log_loss")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a candidate, why, and the numbers behind it."""

    state: CheckpointState
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PromptScores:
    """Scores in [0, 1] of a model on test prompts, each from `n` judgments or outcomes."""

    prompts: tuple[str, ...]
    score: Floats
    n: Floats


def compare(
    candidate: PromptScores, incumbent: PromptScores, *, newer: Collection[str], name: str
) -> Verdict:
    """The verdict on a candidate against the incumbent of that name.

    `newer` holds the prompts that got judgments or outcomes after the incumbent's snapshot, in
    any split: none means that the candidate saw nothing new.
    """
    shared, weights, gains = _paired(candidate, incumbent)
    fresh = np.array([prompt in newer for prompt in shared], bool)
    only_newer = int(fresh.sum()) >= ENOUGH_NEWER
    if only_newer:
        weights, gains = weights[fresh], gains[fresh]
    if len(gains) < FEWEST_PROMPTS:
        reason = f"{len(gains)} test prompts are too few to compare it with {name}."
        return Verdict(CheckpointState.CANDIDATE, reason, {"prompts": len(gains)})
    difference, low, high = paired_bootstrap(gains, weights)
    evidence = {
        "against": name,
        "difference": difference,
        "ci": [low, high],
        "prompts": len(gains),
        "judgments": float(weights.sum()),
        "newer_only": only_newer,
        "margin": MARGIN,
    }
    numbers = _in_words(difference, low, high, len(gains), newer_only=only_newer)
    state, words = _decide(low, high, saw_newer=bool(newer))
    return Verdict(state, words.format(name=name) + f" {numbers}", evidence)


def with_decisions(verdict: Verdict, routers: Paired | None, *, name: str) -> Verdict:
    """The verdict on a router, given what the logged decisions say of it and of the incumbent.

    It is refused where people clearly prefer the incumbent's choices, whatever else speaks for it.
    A log that warns is shown and decides nothing.
    """
    if routers is None:
        return verdict
    low, high = routers.difference.interval
    numbers = _points(routers.difference.value, low, high)
    numbers += f" on {routers.n} logged decisions."
    evidence = verdict.evidence | {
        "off_policy": {
            "difference": routers.difference.value,
            "ci": [low, high],
            "candidate": routers.candidate.value,
            "candidate_ci": list(routers.candidate.interval),
            "incumbent": routers.incumbent.value,
            "incumbent_ci": list(routers.incumbent.interval),
            "decisions": routers.n,
            "warnings": list(routers.warnings),
        }
    }
    if routers.warnings:
        reason = f"{verdict.reason} Off-policy: {numbers} Not relied on: "
        reason += f"{', '.join(routers.warnings)}."
        return Verdict(verdict.state, reason, evidence)
    if high < 0 and verdict.state != CheckpointState.REFUSED:
        reason = f"Refused: people prefer the choices of {name}: {numbers} Held out: "
        return Verdict(CheckpointState.REFUSED, reason + verdict.reason, evidence)
    return Verdict(verdict.state, f"{verdict.reason} Off-policy: {numbers}", evidence)


def against_baseline(kind: Kind, metrics: Mapping[str, Any]) -> Verdict:
    """The verdict on the first candidate of its kind: it must beat the trivial baseline."""
    if kind == Kind.RANKING:
        return Verdict(CheckpointState.LIVE, "A ranking states what was judged; it has no gate.")
    checks = {
        Kind.REWARD: _reward_beats,
        Kind.EMBEDDING: _embedding_beats,
        Kind.POLICY: _policy_beats,
    }
    beats, words, evidence = checks[kind](metrics)
    state = CheckpointState.LIVE if beats else CheckpointState.CANDIDATE
    verb = "beats" if beats else "does not beat"
    return Verdict(state, f"The first of its kind {verb} the baseline: {words}.", evidence)


def paired_bootstrap(gains: Floats, weights: Floats) -> tuple[float, float, float]:
    """Weighted mean of paired differences with its 95 % percentile interval.

    `gains` (prompts,): candidate minus incumbent, in the unit of the score; `weights` (prompts,):
    judgments behind each. Prompts are the clusters: whole prompts are resampled, 2,000 times with
    a fixed seed (Efron & Tibshirani 1993, §8.3; Koehn 2004, §3, for the pairing).
    """
    rng = np.random.default_rng(SEED)
    count = len(gains)
    weighted = gains * weights
    draws = np.empty(DRAWS)
    for draw in range(DRAWS):  # one resample at a time: memory stays that of the data
        times = np.bincount(rng.integers(0, count, count), minlength=count)
        draws[draw] = times @ weighted / (times @ weights)
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(weighted.sum() / weights.sum()), float(low), float(high)


def _paired(candidate: PromptScores, incumbent: PromptScores) -> tuple[list[str], Floats, Floats]:
    """The prompts that both have scores on, the candidate's weights, and the differences."""
    known = dict(zip(incumbent.prompts, incumbent.score, strict=True))
    rows = [row for row, prompt in enumerate(candidate.prompts) if prompt in known]
    shared = [candidate.prompts[row] for row in rows]
    before = np.array([known[prompt] for prompt in shared], np.float64)
    return shared, candidate.n[rows].astype(np.float64), candidate.score[rows] - before


def _decide(low: float, high: float, *, saw_newer: bool) -> tuple[CheckpointState, str]:
    if high < 0:
        return CheckpointState.REFUSED, "Refused: it is worse than {name}."
    if not saw_newer:
        return CheckpointState.CANDIDATE, "Kept: it saw no newer data than {name}."
    if low > -MARGIN:
        better = "it is better than" if low > 0 else "it is not worse than"
        return CheckpointState.LIVE, f"Promoted: {better} {{name}} and saw newer data."
    return CheckpointState.CANDIDATE, "Kept: it might be worse than {name}."


def _in_words(difference: float, low: float, high: float, prompts: int, *, newer_only: bool) -> str:
    which = "test prompts with newer judgments" if newer_only else "test prompts"
    return f"{_points(difference, low, high)} on {prompts} {which}."


def _points(difference: float, low: float, high: float) -> str:
    points = [f"{100 * value:+.1f}".replace("-", "−") for value in (difference, low, high)]
    return f"{points[0]} points ({points[1]} to {points[2]})"


def _reward_beats(metrics: Mapping[str, Any]) -> tuple[bool, str, dict[str, Any]]:
    names = ("baseline_majority_accuracy", "baseline_length_accuracy")
    baseline = max(float(metrics[name]) for name in names)
    accuracy = float(metrics["accuracy"])
    words = f"accuracy {100 * accuracy:.1f} % against {100 * baseline:.1f} %"
    return accuracy > baseline, words, _taken(metrics, ("accuracy", *names))


def _embedding_beats(metrics: Mapping[str, Any]) -> tuple[bool, str, dict[str, Any]]:
    """It says more about answers, or comparisons, than each model's own mean, routing by it is not
    clearly worse than the best single model, and people do not clearly prefer an average model
    shown to its choices."""
    names = ("routed_gain", "duels_dr", *EMBEDDING_LOSSES, *PREFERENCE_LOSSES)
    says_more, words = _says_more(metrics)
    gain, (low, high) = float(metrics["routed_gain"]), metrics["routed_gain_ci"]
    words += f", routed {_points(gain, low, high)} beside the best single model"
    routes_well = high >= 0
    likely = metrics.get("duels_dr_ci", [CHANCE, CHANCE])[1]
    is_liked = likely >= CHANCE or bool(metrics["duels_warnings"])
    if not is_liked:
        words += f", but at most {100 * likely:.1f} % prefer its choices to an average model shown"
    return says_more and routes_well and is_liked, words, _taken(metrics, names)


def _says_more(metrics: Mapping[str, Any]) -> tuple[bool, str]:
    """On either kind of evidence: a pool may hold few outcomes and many comparisons."""
    loss, mean = (float(metrics[name]) for name in EMBEDDING_LOSSES)
    words = f"log loss {loss:.3f} against {mean:.3f} of each model's mean"
    if not all(name in metrics for name in PREFERENCE_LOSSES):
        return loss < mean, words
    judged, usual = (float(metrics[name]) for name in PREFERENCE_LOSSES)
    words += f", of comparisons {judged:.3f} against {usual:.3f}"
    return loss < mean or judged < usual, words


def _policy_beats(metrics: Mapping[str, Any]) -> tuple[bool, str, dict[str, Any]]:
    """Its interval lies above chance: a small policy is easily a little above it by luck."""
    accuracy, (low, _high) = float(metrics["implicit_accuracy"]), metrics["implicit_accuracy_ci"]
    words = f"implicit accuracy {100 * accuracy:.1f} %, at least {100 * low:.1f} %, against 50.0 %"
    return low > CHANCE, words, _taken(metrics, ("implicit_accuracy",))


def _taken(metrics: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    wanted = [name for metric in names for name in (metric, f"{metric}_ci")]
    return {name: metrics[name] for name in (*wanted, "n") if name in metrics}
