"""What a policy must show, beside a held-out comparison, before it is promoted by itself.

docs/algorithms/promotion-gate.md states the rule.
"""

from collections.abc import Mapping
from typing import Any

from feedback.training.models import CheckpointState
from feedback.training.promotion.gate import CHANCE, Verdict
from feedback.training.promotion.judging import Judged, Problem
from feedback.training.promotion.verdict_text import Missing, VerdictCode

MADE_FOR_TESTS = Verdict(state=CheckpointState.CANDIDATE, code=VerdictCode.MADE_FOR_TESTS)
JUDGE_PROBLEMS = {
    Problem.NONE: Missing.JUDGE,
    Problem.AWAY: Missing.JUDGE_AWAY,
    Problem.FAILED: Missing.JUDGE_FAILED,
    Problem.FEW: Missing.JUDGED_FEW,
    Problem.UNSOUND: Missing.JUDGE_UNSOUND,
}
MEASURES = ("implicit_accuracy", "implicit_accuracy_ci", "reward_gain", "reward_gain_ci")


def base_name(card: Mapping[str, Any]) -> str:
    """Return the name of the checkpoint that a policy was tuned from; "" for the tiny test base."""
    base = card.get("base")
    return str(base["name"]) if isinstance(base, Mapping) else ""


def with_better_answers(verdict: Verdict, metrics: Mapping[str, Any], judged: Judged) -> Verdict:
    """Return the verdict on a policy that would be promoted, given what its answers show.

    It stays a candidate unless three 95 % intervals agree that it is better than its base:
    implicit accuracy above chance, a higher reward on the same prompts, and a judge that prefers
    its answers. The judge must not clearly prefer those of what is live.
    """
    missing = [*_unmeasured(metrics), *_unjudged(judged)]
    answers = {name: metrics[name] for name in MEASURES if name in metrics}
    answers |= {"judged": judged.stored, "missing": [str(one) for one in missing]}
    evidence = verdict.evidence | {"answers": answers}
    if not missing:
        return Verdict(state=verdict.state, code=verdict.code, evidence=evidence)
    return Verdict(
        state=CheckpointState.CANDIDATE,
        code=VerdictCode.UNPROVEN,
        evidence=evidence | {"held_out": verdict.code.value},
    )


def _unmeasured(metrics: Mapping[str, Any]) -> list[Missing]:
    missing = []
    if metrics["implicit_accuracy_ci"][0] <= CHANCE:
        missing.append(Missing.ACCURACY)
    gain = metrics.get("reward_gain_ci")
    if gain is None:
        missing.append(Missing.REWARD_MODEL)
    elif gain[0] <= 0:
        missing.append(Missing.REWARD)
    return missing


def _unjudged(judged: Judged) -> list[Missing]:
    if judged.problem is not None:
        return [JUDGE_PROBLEMS[judged.problem]]
    missing = []
    if judged.wins is None or judged.wins.ci[0] <= CHANCE:
        missing.append(Missing.JUDGED)
    if judged.against is not None and judged.against.ci[1] < CHANCE:
        missing.append(Missing.JUDGED_AGAINST)
    return missing
