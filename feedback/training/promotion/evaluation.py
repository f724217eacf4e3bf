"""Measure for the gate: both artifacts on the candidate's test prompts, and what data are new."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from feedback.training.models import Checkpoint, CheckpointState, Kind
from feedback.training.promotion.gate import (
    PromptScores,
    Verdict,
    against_baseline,
    compare,
    with_decisions,
)
from feedback.training.promotion.judging import policy_judge
from feedback.training.promotion.policy_gate import (
    MADE_FOR_TESTS,
    base_name,
    with_better_answers,
)
from feedback.training.promotion.samples import samples_read
from feedback.training.promotion.verdict_text import VerdictCode
from trainers.artifacts import Artifact
from trainers.data.snapshot import Snapshot
from trainers.errors import InputError
from trainers.off_policy.paired import compare_routers

# Runs `evaluate` with these arguments in a child process; False where the child failed.
Evaluate = Callable[[list[str]], bool]

PROMPTS, DECISIONS = "--per-prompt", "--per-decision"


def candidate_judge(
    *,
    kind: Kind,
    artifact: Artifact,
    incumbent: Checkpoint | None,
    snapshots: Path,
    workspace: Path,
    evaluate: Evaluate,
    on_tick: Callable[[], None],
) -> Verdict:
    """Return the verdict on a candidate: against the incumbent, or else against the baseline.

    A policy that would be promoted must also show better answers than its base's. `on_tick` is
    called while a judge is asked about them; what it raises goes on up.
    """
    if kind == Kind.POLICY and not base_name(artifact.card):
        return MADE_FOR_TESTS
    verdict = _held_out_verdict(kind, artifact, incumbent, snapshots, workspace, evaluate)
    if kind != Kind.POLICY or verdict.state != CheckpointState.LIVE:
        return verdict
    judged = policy_judge(
        samples=samples_read(artifact.path),
        incumbent=samples_read(Path(incumbent.path)) if incumbent else (),
        snapshot=snapshots / str(artifact.card["snapshot_digest"]),
        on_tick=on_tick,
    )
    return with_better_answers(verdict, artifact.card["metrics"], judged)


def _held_out_verdict(
    kind: Kind,
    artifact: Artifact,
    incumbent: Checkpoint | None,
    snapshots: Path,
    workspace: Path,
    evaluate: Evaluate,
) -> Verdict:
    """Return what held-out prompts say, and for a router also the logged decisions."""
    if incumbent is None or kind == Kind.RANKING:
        return against_baseline(kind, artifact.card["metrics"])
    snapshot = snapshots / str(artifact.card["snapshot_digest"])
    files: list[dict[str, Path]] = []
    for number, path in enumerate((artifact.path, Path(incumbent.path))):
        wanted = {option: workspace / f"{number}{option}.parquet" for option in _options(kind)}
        arguments = ["evaluate", "--artifact", str(path), "--snapshot", str(snapshot)]
        if not evaluate(arguments + [str(word) for pair in wanted.items() for word in pair]):
            return Verdict(
                state=CheckpointState.CANDIDATE,
                code=VerdictCode.UNMEASURED,
                evidence={"artifact": path.name},
            )
        files.append(wanted)
    name = f"v{incumbent.version}"
    newer = newer_prompts(snapshot, snapshots / incumbent.run.snapshot_digest)
    verdict = compare(*(_scores(of[PROMPTS]) for of in files), newer=newer, name=name)
    if kind != Kind.EMBEDDING:
        return verdict
    routers = compare_routers(*(pq.read_table(of[DECISIONS]) for of in files))
    return with_decisions(verdict, routers)


def _options(kind: Kind) -> tuple[str, ...]:
    """Return what `evaluate` is to write: of a router also the decisions that were logged."""
    return (PROMPTS, DECISIONS) if kind == Kind.EMBEDDING else (PROMPTS,)


def newer_prompts(candidate: Path, incumbent: Path) -> set[str]:
    """Return the prompts with judgments or outcomes that the incumbent's snapshot did not hold.

    Where that snapshot is gone, every prompt counts as newer.
    """
    now = _observations(Snapshot.open(candidate))
    try:
        before = _observations(Snapshot.open(incumbent))
    except InputError:
        before = {}
    return {prompt for key, prompt in now.items() if key not in before}


def _observations(snapshot: Snapshot) -> dict[Any, str]:
    """Return the prompt of each judgment and of each outcome."""
    judged = snapshot.table("preferences", ["preference_id", "prompt_id"]).to_pydict()
    found: dict[Any, str] = dict(zip(judged["preference_id"], judged["prompt_id"], strict=True))
    scored = snapshot.table("outcomes", ["prompt_id", "model"]).to_pydict()
    for prompt, model in zip(scored["prompt_id"], scored["model"], strict=True):
        found[prompt, model] = prompt
    return found


def _scores(file: Path) -> PromptScores:
    table = pq.read_table(file, columns=["prompt_id", "score", "n"])
    return PromptScores(
        prompts=tuple(table["prompt_id"].to_pylist()),
        score=np.asarray(table["score"].to_numpy(), np.float64),
        n=np.asarray(table["n"].to_numpy(), np.float64),
    )
