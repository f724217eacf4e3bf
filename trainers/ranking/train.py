"""A ranking from a snapshot, as an artifact."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from safetensors.numpy import save_file

from trainers.artifacts import Artifact, write_artifact
from trainers.errors import InputError
from trainers.progress import Progress
from trainers.ranking.bradley_terry import ModelRating, fit
from trainers.ranking.config import Config
from trainers.ranking.counts import PairCounts
from trainers.snapshot import Snapshot

TENSORS = "ranking.safetensors"


def train(snapshot: Snapshot, out: Path, config: Config, progress: Progress) -> Artifact:
    """Rate every model of the snapshot's judgments; the ratings are the card's metrics.

    `ranking.safetensors` holds rating, ci_low and ci_high, (models,) float64 each, in the
    order of `metrics.models`.
    """
    progress.report("count", 0, 2)
    counts = read_counts(snapshot, config)
    progress.report("rate", 1, 2)
    ratings = fit(counts)
    card = {
        "snapshot_digest": snapshot.digest,
        "config": asdict(config),
        "seed": config.seed,
        "metrics": {"models": [asdict(rating) for rating in ratings]},
    }
    artifact = write_artifact(
        out,
        kind="ranking",
        card_fields=card,
        write_files=lambda folder: save_file(_tensors(ratings), folder / TENSORS),
    )
    progress.report("rate", 2, 2)
    return artifact


def read_counts(snapshot: Snapshot, config: Config) -> PairCounts:
    """The snapshot's judgments between two known models, summed up by pair and outcome."""
    columns = ["model_a", "model_b", "choice", "rater_kind"]
    votes = snapshot.table("preferences", columns).drop_null()
    if config.rater_kind != "any":
        votes = votes.filter(pc.equal(votes["rater_kind"], config.rater_kind))
    found: dict[str, list[Any]] = (
        votes.group_by(columns[:3]).aggregate([([], "count_all")]).to_pydict()
    )
    counts = PairCounts.from_rows(
        zip(found["model_a"], found["model_b"], found["choice"], found["count_all"], strict=True)
    )
    if not counts.models:
        kind = "" if config.rater_kind == "any" else f" by {config.rater_kind} raters"
        message = f"holds no judgment{kind} between two named models"
        raise InputError.at(snapshot.path / "preferences.parquet", message)
    return counts


def _tensors(ratings: tuple[ModelRating, ...]) -> dict[str, np.ndarray[Any, Any]]:
    return {
        name: np.array([getattr(rating, name) for rating in ratings])
        for name in ("rating", "ci_low", "ci_high")
    }
