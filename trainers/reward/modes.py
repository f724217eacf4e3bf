"""What each mode of the trainer must be able to do, and which module does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from trainers.artifacts import Artifact
from trainers.progress import Progress
from trainers.reward.config import REWARD, RewardConfig
from trainers.reward.data import Pairs
from trainers.reward.judge import Held, RewardJudge

# `train.fit(pairs, config, progress, checkpoints) -> Trained` of each plans its own phases, the
# last of them "evaluate"; `load.load(artifact) -> RewardJudge`; `load.load_twin(artifact)`: that,
# or None.
MODULES = {
    "frozen": "trainers.reward.frozen",
    "lora": "trainers.reward.backbone",
    "full": "trainers.reward.backbone",
}


@dataclass(frozen=True, slots=True)
class Trained:
    """What a mode hands back; it is calibrated, measured and written by `trainers.reward.train`.

    judge      the trained model, its gaps not yet calibrated
    twin       the same model under the Bradley–Terry loss, where one was trained; `judge` itself
               where that was chosen
    write      writes the model's files into a folder, after calibration
    training   what training found, for the card
    card       further fields of the card
    held       gaps of pairs that no member in question was trained on, to calibrate the judge with;
               without them it is asked about the validation pairs
    twin_held  the same of the twin
    """

    judge: RewardJudge
    twin: RewardJudge | None
    write: Callable[[Path], None]
    training: Mapping[str, Any]
    card: Mapping[str, Any] = field(default_factory=dict)
    held: Held | None = None
    twin_held: Held | None = None


def fit(pairs: Pairs, config: RewardConfig, progress: Progress, checkpoints: Path) -> Trained:
    """Train in the mode of the config; a mode that takes long keeps its state in `checkpoints`."""
    module = import_module(f"{MODULES[config.mode]}.train")
    trained: Trained = module.fit(pairs, config, progress, checkpoints)
    return trained


def load_judge(artifact: Artifact) -> RewardJudge:
    """The trained model of a reward artifact, calibrated, in any mode."""
    judge: RewardJudge = _module(artifact).load(artifact)
    judge.tie = float(artifact.card["calibration"]["tie"])
    return judge


def load_twin(artifact: Artifact) -> RewardJudge | None:
    """Its Bradley–Terry twin, where one was trained."""
    twin: RewardJudge | None = _module(artifact).load_twin(artifact)
    return twin


def _module(artifact: Artifact) -> Any:
    return import_module(f"{MODULES[REWARD.stored(artifact.card['config']).mode]}.load")
