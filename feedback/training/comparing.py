"""The gate's inputs: both artifacts' scores on the candidate's test prompts, and what is newer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from feedback.training.gate import PromptScores, Verdict, against_baseline, compare
from feedback.training.models import Checkpoint, CheckpointState, Kind
from trainers.artifacts import Artifact
from trainers.errors import InputError
from trainers.snapshot import Snapshot

# Runs `evaluate` with these arguments in a child process; False where the child failed.
Evaluate = Callable[[list[str]], bool]


def candidate_judge(
    *,
    kind: Kind,
    artifact: Artifact,
    incumbent: Checkpoint | None,
    snapshots: Path,
    workspace: Path,
    evaluate: Evaluate,
) -> Verdict:
    """Pass the gate: against the incumbent, or against the baseline where there is none."""
    if incumbent is None or kind == Kind.RANKING:
        return against_baseline(kind, artifact.card["metrics"])
    snapshot = snapshots / str(artifact.card["snapshot_digest"])
    scores: list[PromptScores] = []
    for number, path in enumerate((artifact.path, Path(incumbent.path))):
        file = workspace / f"{number}.parquet"
        arguments = ["evaluate", "--artifact", str(path), "--snapshot", str(snapshot)]
        if not evaluate([*arguments, "--per-prompt", str(file)]):
            reason = f"Kept: {path.name} could not be measured on the newer data; see the log."
            return Verdict(CheckpointState.CANDIDATE, reason)
        scores.append(_scores(file))
    newer = newer_prompts(snapshot, snapshots / incumbent.run.snapshot_digest)
    return compare(*scores, newer=newer, name=f"v{incumbent.version}")


def newer_prompts(candidate: Path, incumbent: Path) -> set[str]:
    """Prompts with judgments or outcomes that the incumbent's snapshot did not hold.

    Where that snapshot is gone, every prompt counts as newer.
    """
    now = _observations(Snapshot.open(candidate))
    try:
        before = _observations(Snapshot.open(incumbent))
    except InputError:
        before = {}
    return {prompt for key, prompt in now.items() if key not in before}


def _observations(snapshot: Snapshot) -> dict[Any, str]:
    """The prompt of each judgment and of each outcome."""
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
