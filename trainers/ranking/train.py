"""Training a ranking: a snapshot's judgments in, ratings with their checks out, as an artifact."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from trainers.artifacts import Artifact, write_artifact
from trainers.data.snapshot import Snapshot
from trainers.progress import Progress
from trainers.ranking.bradley_terry import ModelRating, fit
from trainers.ranking.checks import checks
from trainers.ranking.config import RankingConfig
from trainers.ranking.style_control import StyledRanking, fit_styled
from trainers.ranking.votes import read_counts, read_styled
from trainers.settings.config import as_json

TENSORS = "ranking.safetensors"
STEPS = 4


def train(snapshot: Snapshot, out: Path, config: RankingConfig, progress: Progress) -> Artifact:
    """Rate every model of the snapshot's judgments; the ratings are the card's metrics.

    `ranking.safetensors` holds rating, ci_low and ci_high, (models,) float64 each, in the
    order of `metrics.models`. Beside them stand the ratings with style held equal, and what
    speaks for or against believing either.
    """
    progress.report("count", 0, STEPS)
    counts = read_counts(snapshot, config)
    progress.report("rate", 1, STEPS)
    ratings = fit(counts)
    progress.report("style", 2, STEPS)
    styled = fit_styled(read_styled(snapshot, config))
    progress.report("check", 3, STEPS)
    metrics = {
        "models": [asdict(rating) for rating in ratings],
        "style": _style(styled),
        **checks(counts, ratings, config.seed),
    }
    card = {
        "snapshot_digest": snapshot.digest,
        "config": as_json(config),
        "seed": config.seed,
        "metrics": metrics,
    }
    artifact = write_artifact(
        out,
        kind="ranking",
        card_fields=card,
        write_files=lambda folder: save_file(_tensors(ratings), folder / TENSORS),
    )
    progress.report("check", STEPS, STEPS)
    return artifact


def _style(styled: StyledRanking) -> dict[str, Any]:
    """Return the ratings with style held equal, as the card's JSON."""
    return {
        "texts": styled.texts,
        "coefficients": [asdict(effect) for effect in styled.effects],
        "models": [asdict(rating) for rating in styled.ratings],
    }


def _tensors(ratings: tuple[ModelRating, ...]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the ratings and their bounds, [models] each."""
    return {
        name: np.array([getattr(rating, name) for rating in ratings])
        for name in ("rating", "ci_low", "ci_high")
    }
