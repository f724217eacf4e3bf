"""Decide whether a candidate may replace what is live: numbers in, a verdict with evidence out.

docs/algorithms/promotion-gate.md states inputs, guarantees and steps.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from feedback.training.models import CheckpointState, Kind
from feedback.training.promotion.verdict_text import VerdictCode, verdict_text
from trainers.arrays import Floats
from trainers.off_policy.paired import Paired

MARGIN = 0.005  # half a point: how much worse a candidate may be
DRAWS = 2000
SEED = 0
FEWEST_PROMPTS = 5  # a bootstrap over fewer says next to nothing
ENOUGH_NEWER = 100  # prompts with newer judgments that suffice to compare on them alone
CHANCE = 0.5
EMBEDDING_LOSSES = ("log_loss", "model_mean_log_loss")
PREFERENCE_LOSSES = ("preference_log_loss", "preference_mean_log_loss")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a candidate, why, and the numbers behind it."""

    state: CheckpointState
    code: VerdictCode
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def stored(self) -> dict[str, Any]:
        """Return what the checkpoint's row keeps; `verdict_text` reads it."""
        return {"code": self.code.value, "evidence": self.evidence}

    @property
    def reason(self) -> str:
        """Return the verdict as sentences in the active language."""
        return verdict_text(self.stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptScores:
    """Scores in [0, 1] of a model on test prompts, each from `n` judgments or outcomes."""

    prompts: tuple[str, ...]
    score: Floats
    n: Floats


def compare(
    candidate: PromptScores, incumbent: PromptScores, *, newer: Collection[str], name: str
) -> Verdict:
    """Return the verdict on a candidate against the incumbent of that name.

    `newer` holds the prompts that got judgments or outcomes after the incumbent's snapshot, in
    any split: none means that the candidate saw nothing new.
    """
    shared, weights, gains = _paired(candidate, incumbent)
    fresh = np.array([prompt in newer for prompt in shared], bool)
    only_newer = int(fresh.sum()) >= ENOUGH_NEWER
    if only_newer:
        weights, gains = weights[fresh], gains[fresh]
    if len(gains) < FEWEST_PROMPTS:
        return Verdict(
            state=CheckpointState.CANDIDATE,
            code=VerdictCode.TOO_FEW,
            evidence={"against": name, "prompts": len(gains)},
        )
    difference, low, high = paired_bootstrap(gains, weights)
    state, code = _decide(low, high, saw_newer=bool(newer))
    evidence = {
        "against": name,
        "difference": difference,
        "ci": [low, high],
        "prompts": len(gains),
        "judgments": float(weights.sum()),
        "newer_only": only_newer,
        "margin": MARGIN,
    }
    return Verdict(state=state, code=code, evidence=evidence)


def with_decisions(verdict: Verdict, routers: Paired | None) -> Verdict:
    """Return the verdict on a router, given what the logged decisions say of both routers.

    It is refused where people clearly prefer the incumbent's choices, whatever else speaks for it.
    A log that warns is shown and decides nothing.
    """
    if routers is None:
        return verdict
    low, high = routers.difference.interval
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
    is_disliked = high < 0 and not routers.warnings
    if is_disliked and verdict.state != CheckpointState.REFUSED:
        return Verdict(
            state=CheckpointState.REFUSED,
            code=VerdictCode.LESS_LIKED,
            evidence=evidence | {"held_out": verdict.code.value},
        )
    return Verdict(state=verdict.state, code=verdict.code, evidence=evidence)


def against_baseline(kind: Kind, metrics: Mapping[str, Any]) -> Verdict:
    """Return the verdict on the first candidate of its kind: it must beat the trivial baseline."""
    if kind == Kind.RANKING:
        return Verdict(state=CheckpointState.LIVE, code=VerdictCode.NO_GATE)
    checks = {
        Kind.REWARD: _reward_beats,
        Kind.EMBEDDING: _embedding_beats,
        Kind.POLICY: _policy_beats,
    }
    beats, evidence = checks[kind](metrics)
    return Verdict(
        state=CheckpointState.LIVE if beats else CheckpointState.CANDIDATE,
        code=VerdictCode.ABOVE_BASELINE if beats else VerdictCode.BELOW_BASELINE,
        evidence=evidence | {"kind": kind.value},
    )


def paired_bootstrap(gains: Floats, weights: Floats) -> tuple[float, float, float]:
    """Return the weighted mean of paired differences with its 95 % percentile interval.

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
    """Return the prompts that both have scores on, the candidate's weights, and the gains."""
    known = dict(zip(incumbent.prompts, incumbent.score, strict=True))
    rows = [row for row, prompt in enumerate(candidate.prompts) if prompt in known]
    shared = [candidate.prompts[row] for row in rows]
    before = np.array([known[prompt] for prompt in shared], np.float64)
    return shared, candidate.n[rows].astype(np.float64), candidate.score[rows] - before


def _decide(low: float, high: float, *, saw_newer: bool) -> tuple[CheckpointState, VerdictCode]:
    """Decide by the 95 % interval of candidate minus incumbent."""
    if high < 0:
        return CheckpointState.REFUSED, VerdictCode.WORSE
    if not saw_newer:
        return CheckpointState.CANDIDATE, VerdictCode.NOTHING_NEWER
    if low > 0:
        return CheckpointState.LIVE, VerdictCode.BETTER
    if low > -MARGIN:
        return CheckpointState.LIVE, VerdictCode.NOT_WORSE
    return CheckpointState.CANDIDATE, VerdictCode.UNSURE


def _reward_beats(metrics: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
    names = ("baseline_majority_accuracy", "baseline_length_accuracy")
    baseline = max(float(metrics[name]) for name in names)
    return float(metrics["accuracy"]) > baseline, _taken(metrics, ("accuracy", *names))


def _embedding_beats(metrics: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
    """Return whether the first embedding may route, by three conditions.

    It says more about answers, or comparisons, than each model's own mean, routing by it is not
    clearly worse than the best single model, and people do not clearly prefer an average model
    shown to its choices.
    """
    _low, high = metrics["routed_gain_ci"]
    likely = metrics.get("duels_dr_ci", [CHANCE, CHANCE])[1]
    is_liked = likely >= CHANCE or bool(metrics["duels_warnings"])
    names = ("routed_gain", "duels_dr", *EMBEDDING_LOSSES, *PREFERENCE_LOSSES)
    evidence = _taken(metrics, names) | {"is_liked": is_liked}
    return _says_more(metrics) and high >= 0 and is_liked, evidence


def _says_more(metrics: Mapping[str, Any]) -> bool:
    """Return whether outcomes or comparisons say so: a pool may hold few of the former."""
    pairs = [EMBEDDING_LOSSES]
    if all(name in metrics for name in PREFERENCE_LOSSES):
        pairs.append(PREFERENCE_LOSSES)
    return any(float(metrics[loss]) < float(metrics[mean]) for loss, mean in pairs)


def _policy_beats(metrics: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
    """Return whether its interval lies above chance: by luck a small policy is soon above it."""
    low, _high = metrics["implicit_accuracy_ci"]
    return low > CHANCE, _taken(metrics, ("implicit_accuracy",))


def _taken(metrics: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    wanted = [name for metric in names for name in (metric, f"{metric}_ci")]
    return {name: metrics[name] for name in (*wanted, "n") if name in metrics}
