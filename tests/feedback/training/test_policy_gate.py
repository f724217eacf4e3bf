"""A policy is promoted by itself only if three proofs agree that its answers are better."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from feedback.training.models import CheckpointState, Kind
from feedback.training.promotion.evaluation import candidate_judge
from feedback.training.promotion.gate import Verdict, against_baseline
from feedback.training.promotion.judging import Judged, Problem, Share
from feedback.training.promotion.policy_gate import with_better_answers
from feedback.training.promotion.samples import samples_read
from feedback.training.promotion.verdict_text import VerdictCode, verdict_text
from trainers.artifacts import Artifact

METRICS = {
    "implicit_accuracy": 0.6,
    "implicit_accuracy_ci": [0.55, 0.65],
    "reward_gain": 0.3,
    "reward_gain_ci": [0.1, 0.5],
    "n": 400,
}
AGREES = Share(share=0.8, ci=(0.7, 0.9), pairs=40)
PREFERRED = Judged(
    judge="solomon", agreement=AGREES, wins=Share(share=0.7, ci=(0.6, 0.8), pairs=32)
)
UNDECIDED = Judged(
    judge="solomon", agreement=AGREES, wins=Share(share=0.55, ci=(0.45, 0.65), pairs=32)
)
DISLIKED = replace(PREFERRED, against=Share(share=0.3, ci=(0.2, 0.4), pairs=32))
BETTER = Verdict(
    state=CheckpointState.LIVE,
    code=VerdictCode.BETTER,
    evidence={
        "against": "v1",
        "difference": 0.02,
        "ci": [0.01, 0.03],
        "prompts": 200,
        "judgments": 400.0,
        "newer_only": False,
        "margin": 0.005,
    },
)


@pytest.mark.parametrize("passed", [against_baseline(Kind.POLICY, METRICS), BETTER])
def test_with_all_three_it_is_promoted_with_or_without_an_incumbent(passed: Verdict) -> None:
    verdict = with_better_answers(passed, METRICS, PREFERRED)
    assert (verdict.state, verdict.code) == (CheckpointState.LIVE, passed.code)
    assert "The judge solomon prefers its answers in 70.0 % (60.0 to 80.0)" in verdict.reason
    assert verdict_text(json.loads(json.dumps(verdict.stored))) == verdict.reason


@pytest.mark.parametrize(
    ("metrics", "judged", "words"),
    [
        ({"implicit_accuracy_ci": [0.48, 0.6]}, PREFERRED, "may be no better than chance"),
        ({"reward_gain_ci": [-0.1, 0.5]}, PREFERRED, "do not surely have a higher reward"),
        ({"reward_gain_ci": None}, PREFERRED, "no reward model has scored its answers"),
        ({}, UNDECIDED, "the judge model does not surely prefer its answers"),
        ({}, DISLIKED, "the judge model prefers the answers of the one that is live"),
        ({}, Judged(judge="", problem=Problem.NONE), "no judge model is set (JUDGE_MODEL)"),
        ({}, Judged(judge="s", problem=Problem.AWAY), "the judge model cannot be asked"),
        ({}, Judged(judge="s", problem=Problem.FAILED), "failed or was too slow"),
        ({}, Judged(judge="s", problem=Problem.FEW), "judged too few prompts"),
        ({}, Judged(judge="s", problem=Problem.UNSOUND), "no better than chance"),
    ],
)
@pytest.mark.parametrize("passed", [against_baseline(Kind.POLICY, METRICS), BETTER])
def test_without_one_it_is_kept_and_told_which(
    passed: Verdict, metrics: dict[str, Any], judged: Judged, words: str
) -> None:
    given = {name: value for name, value in (METRICS | metrics).items() if value is not None}
    verdict = with_better_answers(passed, given, judged)
    assert (verdict.state, verdict.code) == (CheckpointState.CANDIDATE, VerdictCode.UNPROVEN)
    assert len(verdict.evidence["answers"]["missing"]) == 1
    assert words in verdict.reason
    assert verdict.evidence["held_out"] == passed.code


def policy(path: Path, base: dict[str, str] | None) -> Artifact:
    """A policy's artifact, as far as the gate reads it."""
    card = {"kind": "policy", "metrics": METRICS, "snapshot_digest": "s"}
    return Artifact(path, card | ({"base": base} if base else {}))


def test_one_on_the_tiny_base_is_kept_whatever_it_shows(tmp_path: Path) -> None:
    verdict = candidate_judge(
        kind=Kind.POLICY,
        artifact=policy(tmp_path, None),
        incumbent=None,
        snapshots=tmp_path,
        workspace=tmp_path,
        evaluate=lambda _arguments: pytest.fail("nothing is measured"),
        on_tick=lambda: None,
    )
    assert (verdict.state, verdict.code) == (CheckpointState.CANDIDATE, VerdictCode.MADE_FOR_TESTS)
    assert "made for tests" in verdict.reason


def test_one_on_a_real_base_needs_a_judge(settings, tmp_path: Path) -> None:
    settings.JUDGE_MODEL = ""
    verdict = candidate_judge(
        kind=Kind.POLICY,
        artifact=policy(tmp_path, {"name": "smollm2", "weights": "w"}),
        incumbent=None,
        snapshots=tmp_path,
        workspace=tmp_path,
        evaluate=lambda _arguments: False,
        on_tick=lambda: None,
    )
    assert (verdict.state, verdict.code) == (CheckpointState.CANDIDATE, VerdictCode.UNPROVEN)
    assert verdict.evidence["answers"]["missing"] == ["judge"]


def test_samples_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    assert samples_read(tmp_path) == []
    for text in ("{", "{}", '[{"prompt_id": "1"}]', "[1]"):
        (tmp_path / "samples.json").write_text(text)
        assert samples_read(tmp_path) == []
