"""Frozen mode: features once, from the cache, then heads on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from trainers.arrays import Floats
from trainers.artifacts import Artifact
from trainers.objectives.pairwise import Objective
from trainers.progress import Progress
from trainers.reward.config import REWARD, FrozenConfig
from trainers.reward.control import objective_and_targets
from trainers.reward.data import Pairs
from trainers.reward.features import Features, Readers, answer_features
from trainers.reward.folds import make_folds
from trainers.reward.head import BASELINE_TENSORS, TENSORS, RewardHead, pair_gaps
from trainers.reward.head_fit import HeadDataset, HeadResult, fit_head
from trainers.reward.head_start import HeadStart, new_head
from trainers.reward.model import Answer, HeldOutPredictions, RewardModel
from trainers.reward.modes import Trained
from trainers.reward.surface import SURFACE_FEATURES
from trainers.tuning.devices import one_thread, pick_device


class FrozenModel(RewardModel):
    """A head on the features of an encoder."""

    def __init__(self, readers: Readers, head: RewardHead) -> None:
        self.head = head
        self._readers = readers

    def outputs(self, answers: Sequence[Answer]) -> Floats:
        found: Floats = self.head.outputs(answer_features(self._readers, answers)).numpy()
        return found

    def rescale(self, temperature: float) -> None:
        self.head.rescale(temperature)

    def gaps(self, first: Floats, second: Floats) -> Floats:
        return pair_gaps(self.head.kind, first, second)

    def rewards(self, outputs: Floats) -> Floats:
        # [n, members] to [n]
        rewards: Floats = self.head.rewards(torch.from_numpy(outputs)).mean(1).numpy()
        return rewards


def load(artifact: Artifact) -> RewardModel:
    """Return the trained model of an artifact."""
    return _loaded(artifact, TENSORS)


def load_baseline(artifact: Artifact) -> RewardModel | None:
    """Return its Bradley–Terry baseline, where one was trained."""
    kept = (artifact.path / BASELINE_TENSORS).exists()
    return _loaded(artifact, BASELINE_TENSORS) if kept else None


def _loaded(artifact: Artifact, name: str) -> RewardModel:
    readers = Readers.of(REWARD.stored(artifact.card["config"]).features, cached=False)
    return FrozenModel(readers, RewardHead.load(artifact.path / name))


def fit(pairs: Pairs, config: FrozenConfig, progress: Progress, _checkpoints: Path) -> Trained:
    """Train the head, or the better of two, and its Bradley–Terry baseline."""
    progress.plan({"encode": 5, "train": 4, "evaluate": 1})
    readers = Readers.of(config.features, cached=True)
    encoded = partial(progress.report, "encode")
    features = answer_features(readers, pairs.answers, encoded, mapped=True)
    with one_thread():
        chosen, baseline = HeadTrials(pairs, features, config, progress).fit()
    # The folds of the fit once more: `gaps` of a result are in the order of their `held`.
    folds = make_folds(pairs, config.head.ensemble_size)
    held_out = folds.rows[folds.held]

    def write(folder: Path) -> None:
        chosen.model.save(folder / TENSORS)
        if baseline is not None:
            baseline.model.save(folder / BASELINE_TENSORS)

    model = FrozenModel(readers, chosen.model)
    other = FrozenModel(readers, baseline.model) if baseline is not None else None
    return Trained(
        model=model,
        baseline=model if baseline is chosen else other,
        write=write,
        training=_summary(chosen, baseline, config),
        card={
            "encoder": {"name": readers.prompt.name, "fingerprint": readers.prompt.fingerprint},
            "surface_features": list(SURFACE_FEATURES),
            "aspects": list(pairs.aspects) if config.head.kind == "attributes" else [],
        },
        held_out=HeldOutPredictions(rows=held_out, gaps=chosen.gaps),
        baseline_held_out=(
            HeldOutPredictions(rows=held_out, gaps=baseline.gaps) if baseline is not None else None
        ),
    )


@dataclass(frozen=True, slots=True)
class HeadTrials:
    """Fits heads of one kind on the same features."""

    pairs: Pairs
    features: Features
    config: FrozenConfig
    progress: Progress

    def fit(self) -> tuple[HeadResult, HeadResult | None]:
        """Return the head with the lower held-out log-loss, and its Bradley–Terry baseline.

        Under loss "auto" both are the baseline where its log-loss is lower still.
        """
        config = self.config
        objective, targets = objective_and_targets(self.pairs, config)
        dataset = HeadDataset(
            pairs=self.pairs,
            features=self.features,
            targets=targets,
            aspects=self.pairs.aspect_targets() if config.head.kind == "attributes" else (),
            folds=make_folds(self.pairs, config.head.ensemble_size),
            device=pick_device(config.device),
        )
        hidden = config.features.hidden_size
        # 0: no hidden layer.
        widths = {"linear": [0], "mlp": [hidden]}.get(config.head.architecture, [0, hidden])
        runs = len(widths) + config.train_baseline
        tried = [
            self._one(dataset, objective, width, run, runs) for run, width in enumerate(widths)
        ]
        best = min(range(len(tried)), key=lambda run: tried[run].log_loss)
        if not config.train_baseline:
            return tried[best], None
        # The same in everything but the loss: the difference is then the loss's.
        plain = replace(objective, scaling=None)
        baseline = self._one(dataset, plain, widths[best], len(widths), runs)
        # Strictly lower: of two equal ones the adaptive stays.
        better = config.loss.type == "auto" and baseline.log_loss < tried[best].log_loss
        return baseline if better else tried[best], baseline

    def _one(
        self, dataset: HeadDataset, objective: Objective, hidden: int, run: int, runs: int
    ) -> HeadResult:
        epochs = self.config.optim.num_train_epochs

        def report(epoch: int, numbers: dict[str, Any]) -> None:
            self.progress.report("train", run * epochs + epoch, epochs * runs, **numbers)

        start = HeadStart.of(self.config)
        # Seeded anew, so that the baseline starts from the very weights that the other head had.
        head = new_head(self.pairs, self.features, hidden, start, dataset.folds.members)
        return fit_head(head.to(dataset.device), dataset, objective, self.config, report)


def _summary(
    chosen: HeadResult, baseline: HeadResult | None, config: FrozenConfig
) -> dict[str, object]:
    """Return what training found: the head, when it was best, how the temperatures spread."""
    plain = config.loss.type == "bradley_terry" or chosen is baseline
    return {
        "chosen_loss": "bradley_terry" if plain else "adaptive",
        "head": "mlp" if chosen.model.hidden else "linear",
        "members": chosen.model.outer_bias.shape[0],
        "epochs": chosen.epochs,
        "validation_log_loss": chosen.log_loss,
        **(
            {"bradley_terry_validation_log_loss": baseline.log_loss} if baseline is not None else {}
        ),
        **chosen.temperatures.card(),
    }
