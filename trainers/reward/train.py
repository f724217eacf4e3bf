"""Training a reward model from a snapshot."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainers.artifacts import Artifact, write_artifact
from trainers.devices import make_deterministic, one_thread, pick_device
from trainers.encoder import Encoder
from trainers.losses import adaptive_preference_loss, adaptive_temperature, bradley_terry_loss
from trainers.progress import Progress
from trainers.reward.config import Config
from trainers.reward.data import Pairs, read_pairs
from trainers.reward.evaluate import held_out_metrics
from trainers.reward.features import Features
from trainers.reward.fit import Fitted, PairLoss, PairTensors, fit_reward
from trainers.reward.model import BRADLEY_TERRY_TENSORS, TENSORS, RewardModel
from trainers.reward.surface import SURFACE_FEATURES
from trainers.snapshot import Snapshot


def train(snapshot: Snapshot, out: Path, config: Config, progress: Progress) -> Artifact:
    """Fit the adaptive model and its Bradley–Terry twin, measure both, write the artifact.

    The same snapshot, config, code and seed give the same files on the same machine.
    """
    progress.plan({"encode": 5, "train": 4, "evaluate": 1})
    make_deterministic(config.seed)
    pairs = read_pairs(snapshot)
    encoder = Encoder(config.encoder, max_tokens=config.max_tokens, device=config.device)
    features = pairs.features(encoder, partial(progress.report, "encode"))
    with one_thread():
        adaptive, plain = _fit_both(pairs, features, config, progress)
    progress.report("evaluate", 0, 1)
    card = {
        "snapshot_digest": snapshot.digest,
        "config": asdict(config),
        "seed": config.seed,
        "metrics": held_out_metrics(pairs, features, adaptive.model, plain.model),
        "training": _summary(pairs, features, adaptive, config),
        "encoder": {"name": encoder.name, "fingerprint": encoder.fingerprint},
        "surface_features": list(SURFACE_FEATURES),
    }

    def write_files(folder: Path) -> None:
        adaptive.model.save(folder / TENSORS)
        plain.model.save(folder / BRADLEY_TERRY_TENSORS)

    artifact = write_artifact(out, kind="reward", card_fields=card, write_files=write_files)
    progress.report("evaluate", 1, 1)
    return artifact


def _fit_both(
    pairs: Pairs, features: Features, config: Config, progress: Progress
) -> tuple[Fitted, Fitted]:
    """The adaptive model with the better head, and the same head under the plain loss."""
    tensors = PairTensors(pairs, features, pick_device(config.device))
    widths = {"linear": [0], "mlp": [config.hidden]}.get(config.head, [0, config.hidden])
    scaled: PairLoss = partial(adaptive_preference_loss, scaling=config.scaling())
    runs = [(scaled, width) for width in widths]

    def fit(run: int, loss: PairLoss, hidden: int) -> Fitted:
        def report(epoch: int, epochs: int, score: float) -> None:
            total = epochs * (len(widths) + 1)
            progress.report("train", run * epochs + epoch, total, validation_log_loss=score)

        model = _new_model(pairs, features, hidden, config)
        return fit_reward(model, tensors, pairs, loss, config, report)

    tried = [fit(run, loss, width) for run, (loss, width) in enumerate(runs)]
    chosen = min(range(len(tried)), key=lambda run: tried[run].validation_log_loss)
    return tried[chosen], fit(len(tried), bradley_terry_loss, widths[chosen])


def _new_model(pairs: Pairs, features: Features, hidden: int, config: Config) -> RewardModel:
    """A freshly seeded model, standardised on the responses of the training split."""
    torch.manual_seed(config.seed)
    dimension, surface = features.prompt.shape[1], features.surface.shape[1]
    model = RewardModel(dimension, surface, hidden, config.dropout)
    train = pairs.holdout.train
    seen = np.unique(np.concatenate([pairs.first[train], pairs.second[train]]))
    model.standardise(torch.from_numpy(features.surface[seen]))
    return model.to(pick_device(config.device))


def _summary(pairs: Pairs, features: Features, fitted: Fitted, config: Config) -> dict[str, Any]:
    """What training found: the head, its temperature, and how the pairs' temperatures spread."""
    rewards = fitted.model.rewards(features)
    train = pairs.holdout.train
    gaps = rewards[pairs.first[train]] - rewards[pairs.second[train]]
    tau = adaptive_temperature(gaps, config.scaling()).numpy()
    return {
        "head": "mlp" if len(fitted.model.head) > 1 else "linear",
        "epochs": fitted.epochs,
        "temperature": float(fitted.model.temperature),
        "validation_log_loss": fitted.validation_log_loss,
        "tau_quantiles": {str(q): float(np.quantile(tau, q)) for q in (0.1, 0.25, 0.5, 0.75, 0.9)},
        "tau_at_smallest": float(np.mean(tau <= config.tau0)),
        "tau_at_largest": float(np.mean(tau >= config.tau_max)),
        "comparisons": {
            "train": len(train),
            "validation": len(pairs.holdout.validation),
            "test": len(pairs.holdout.test),
            "without_texts": pairs.skipped,
        },
    }
