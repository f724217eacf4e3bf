"""Frozen mode: features once, from the cache, then heads on them."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch

from trainers.errors import InputError
from trainers.progress import Progress
from trainers.reward.config import FrozenConfig, HeadConfig
from trainers.reward.control import CONTROLLED, objective_and_targets
from trainers.reward.data import Pairs
from trainers.reward.frozen.features import Features, Readers, answer_features
from trainers.reward.frozen.fit import Fitted, Material, fit_head
from trainers.reward.frozen.folds import make_folds
from trainers.reward.frozen.load import FrozenJudge
from trainers.reward.frozen.model import BRADLEY_TERRY_TENSORS, TENSORS, RewardHead
from trainers.reward.judge import Held
from trainers.reward.modes import Trained
from trainers.reward.objective import Objective
from trainers.reward.surface import SURFACE_FEATURES
from trainers.tuning.devices import one_thread, pick_device


def fit(pairs: Pairs, config: FrozenConfig, progress: Progress, _checkpoints: Path) -> Trained:
    """Train the head, or the better of two, and its Bradley–Terry twin."""
    progress.plan({"encode": 5, "train": 4, "evaluate": 1})
    readers = Readers.of(config.features, cached=True)
    encoded = partial(progress.report, "encode")
    features = answer_features(readers, pairs.answers, encoded, mapped=True)
    with one_thread():
        chosen, twin = Heads(pairs, features, config, progress).fit()
    rows = make_folds(pairs, config.head.ensemble_size)
    held = rows.rows[rows.held]

    def write(folder: Path) -> None:
        chosen.model.save(folder / TENSORS)
        if twin is not None:
            twin.model.save(folder / BRADLEY_TERRY_TENSORS)

    judge = FrozenJudge(readers, chosen.model)
    same = judge if twin is chosen else None
    return Trained(
        judge=judge,
        twin=same or (FrozenJudge(readers, twin.model) if twin is not None else None),
        write=write,
        training=_summary(chosen, twin, config),
        card={
            "encoder": {"name": readers.prompt.name, "fingerprint": readers.prompt.fingerprint},
            "surface_features": list(SURFACE_FEATURES),
            "aspects": list(pairs.aspects) if config.head.kind == "attributes" else [],
        },
        held=Held(held, chosen.gaps),
        twin_held=Held(held, twin.gaps) if twin is not None else None,
    )


@dataclass(frozen=True, slots=True)
class Heads:
    """Fits heads of one kind on the same features."""

    pairs: Pairs
    features: Features
    config: FrozenConfig
    progress: Progress

    def fit(self) -> tuple[Fitted, Fitted | None]:
        """The head with the lower held-out log-loss, and the same one under the plain loss.

        Under loss "auto" both are the plain one where its log-loss is lower still.
        """
        config = self.config
        objective, targets = objective_and_targets(self.pairs, config)
        material = Material(
            pairs=self.pairs,
            features=self.features,
            targets=targets,
            aspects=self.pairs.aspect_targets() if config.head.kind == "attributes" else (),
            folds=make_folds(self.pairs, config.head.ensemble_size),
            device=pick_device(config.device),
        )
        width = config.features.hidden_size
        widths = {"linear": [0], "mlp": [width]}.get(config.head.architecture, [0, width])
        runs = len(widths) + config.train_baseline
        tried = [
            self._one(material, objective, config, width, run, runs)
            for run, width in enumerate(widths)
        ]
        best = min(range(len(tried)), key=lambda run: tried[run].log_loss)
        if not config.train_baseline:
            return tried[best], None
        plain = Objective(None, objective.nu, objective.offset, objective.decorrelate)
        known = replace(config, loss=replace(config.loss, type="bradley_terry"))
        twin = self._one(material, plain, known, widths[best], len(widths), runs)
        better = config.loss.type == "auto" and twin.log_loss < tried[best].log_loss
        return twin if better else tried[best], twin

    def _one(
        self,
        material: Material,
        objective: Objective,
        config: FrozenConfig,
        hidden: int,
        run: int,
        runs: int,
    ) -> Fitted:
        epochs = config.optim.num_train_epochs

        def report(epoch: int, numbers: dict[str, Any]) -> None:
            self.progress.report("train", run * epochs + epoch, epochs * runs, **numbers)

        model = new_head(
            self.pairs, self.features, hidden, HeadStart.of(config), material.folds.members
        )
        return fit_head(model.to(material.device), material, objective, config, report)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadStart:
    """What decides a head before its first step, apart from its size."""

    head: HeadConfig
    layers: Literal["last", "all"]
    seed: int
    control: Literal["none", "length", "style"] = "none"

    @classmethod
    def of(cls, config: FrozenConfig) -> Self:
        """Return the start of the heads that a config asks for."""
        return cls(
            head=config.head,
            layers=config.features.layers,
            seed=config.seed,
            control=config.loss.control,
        )


def new_head(
    pairs: Pairs, features: Features, hidden: int, start: HeadStart, members: int
) -> RewardHead:
    """Return a freshly seeded head, standardised on the answers of the training split."""
    torch.manual_seed(start.seed)
    sizes = (features.prompt.shape[1], features.response.shape[1], features.surface.shape[1])
    model = RewardHead(start.head.kind, sizes, members, hidden, _width(pairs, start.head))
    seen = pairs.training_answers
    model.surface_mean.copy_(torch.from_numpy(features.surface[seen].mean(0)))
    spread = features.surface[seen].std(0)
    model.surface_scale.copy_(torch.from_numpy(spread).clamp(min=1e-3))
    for name in CONTROLLED[start.control]:
        model.surface_used[SURFACE_FEATURES.index(name)] = 0.0
    if start.layers == "all":
        _standardise_layers(model, features, seen)
    _start(model, pairs, features, start.head)
    return model


def _standardise_layers(model: RewardHead, features: Features, seen: np.ndarray) -> None:
    """Every layer as long as one unit vector on average; a pass over the rows, not a copy."""
    total, square = 0.0, 0.0
    for part in np.array_split(seen, max(1, len(seen) // 4096)):
        values = features.response[part].astype(np.float64)
        total, square = total + values.sum(0), square + (values**2).sum(0)
    centre = total / len(seen)
    spread = np.sqrt(np.maximum(square / len(seen) - centre**2, 1e-12))
    model.response_mean.copy_(torch.from_numpy(centre))
    model.response_scale.copy_(torch.from_numpy(spread * features.prompt.shape[1] ** 0.5))


@torch.no_grad()
def _start(model: RewardHead, pairs: Pairs, features: Features, config: HeadConfig) -> None:
    """Where the members start from, and are drawn back to: their prior.

    A single scalar member starts from reward 0 everywhere: what was not learned is not believed.
    Several start from small random rewards, one each, so that they differ where no pair told them
    otherwise. A GPM head starts as Bradley–Terry: vectors (r, 1, small, small, …).
    """
    rows = slice(0, min(len(features), 4096))
    inputs = model.inputs(*features.rows(rows, model.outer.device))
    length = float(inputs.square().sum(1).mean().sqrt()) if not model.hidden else 1.0
    if model.outer_bias.shape[0] > 1:
        model.outer.normal_(0.0, config.prior_scale / max(length, 1e-6))
    if config.kind == "gpm":
        model.outer.normal_(0.0, 0.1 / max(length, 1e-6))
        model.outer_bias[:, 1] = 1.0
    if config.kind == "attributes" and config.combination != "learned":
        model.combination.copy_(torch.tensor(_given(pairs, config.combination)))
        model.combination.requires_grad_(False)


def _given(pairs: Pairs, combination: str) -> list[float]:
    """The weight of every aspect, in the order of the outputs; 0 for one that is not named."""
    given: dict[str, float] = {}
    for part in combination.split(","):
        name, _, number = part.partition("=")
        if name.strip() not in pairs.aspects:
            known = ", ".join(pairs.aspects)
            raise InputError(
                f"head.combination: {name.strip()!r} is no aspect here; known are {known}"
            )
        try:
            given[name.strip()] = float(number)
        except ValueError as error:
            raise InputError(
                f"head.combination: {part.strip()!r} is not of the form name=number"
            ) from error
    return [given.get(name, 0.0) for name in pairs.aspects]


def _width(pairs: Pairs, config: HeadConfig) -> int:
    if config.kind == "gpm":
        return config.dimension
    if config.kind == "scalar":
        return 1
    if not pairs.aspects:
        raise InputError(
            "head.kind attributes: no judgment of this snapshot says anything of an aspect"
        )
    return len(pairs.aspects)


def _summary(fitted: Fitted, twin: Fitted | None, config: FrozenConfig) -> dict[str, object]:
    """What training found: the head, when it was best, how the pairs' temperatures spread."""
    plain = config.loss.type == "bradley_terry" or fitted is twin
    return {
        "chosen_loss": "bradley_terry" if plain else "adaptive",
        "head": "mlp" if fitted.model.hidden else "linear",
        "members": fitted.model.outer_bias.shape[0],
        "epochs": fitted.epochs,
        "validation_log_loss": fitted.log_loss,
        **({"bradley_terry_validation_log_loss": twin.log_loss} if twin is not None else {}),
        **fitted.temperatures.card(),
    }
