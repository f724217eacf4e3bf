"""What each mode of the trainer must be able to do, and which module does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from trainers.artifacts import Artifact
from trainers.progress import Progress
from trainers.reward.config import REWARD, Mode, RewardConfig
from trainers.reward.data import Pairs
from trainers.reward.model import HeldOutPredictions, RewardModel

# Each has `fit(pairs, config, progress, checkpoints) -> Trained`, which plans its own phases, the
# last of them "evaluate"; `load(artifact) -> RewardModel`; `load_baseline(artifact)`: that, or
# None. Imported by name, so that frozen mode needs neither transformers nor peft.
MODULES: Mapping[Mode, str] = {
    "frozen": "trainers.reward.frozen_mode",
    "lora": "trainers.reward.tuned_mode",
    "full": "trainers.reward.tuned_mode",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a mode hands back; it is calibrated, measured and written by `trainers.reward.train`.

    model              the trained model, its gaps not yet calibrated
    baseline           the same model under the Bradley–Terry loss, where one was trained; `model`
                       itself where that was chosen
    write              writes the model's files into a folder, after calibration
    training           what training found, for the card
    card               further fields of the card
    held_out           predictions for pairs that no member in question was trained on, to calibrate
                       the model with; without them it is asked about the validation pairs
    baseline_held_out  the same of the baseline
    """

    model: RewardModel
    baseline: RewardModel | None
    write: Callable[[Path], None]
    training: Mapping[str, Any]
    card: Mapping[str, Any] = field(default_factory=dict)
    held_out: HeldOutPredictions | None = None
    baseline_held_out: HeldOutPredictions | None = None


def fit(pairs: Pairs, config: RewardConfig, progress: Progress, checkpoints: Path) -> Trained:
    """Train in the mode of the config; a mode that takes long keeps its state in `checkpoints`."""
    trained: Trained = _module(config.mode).fit(pairs, config, progress, checkpoints)
    return trained


def load_model(artifact: Artifact) -> RewardModel:
    """Return the trained model of a reward artifact, calibrated, in any mode."""
    model: RewardModel = _module(_mode(artifact)).load(artifact)
    # The temperature lies in the weights; nu lies on the card.
    model.tie = float(artifact.card["calibration"]["tie"])
    return model


def load_baseline(artifact: Artifact) -> RewardModel | None:
    """Return its Bradley–Terry baseline, where one was trained."""
    baseline: RewardModel | None = _module(_mode(artifact)).load_baseline(artifact)
    return baseline


def _mode(artifact: Artifact) -> Mode:
    return REWARD.stored(artifact.card["config"]).mode


def _module(mode: Mode) -> Any:
    return import_module(MODULES[mode])
