"""Frozen mode's trained model, and loading it from an artifact."""

from collections.abc import Sequence

import torch

from trainers.artifacts import Artifact
from trainers.reward.answers import Answer
from trainers.reward.config import REWARD
from trainers.reward.frozen.features import Readers, answer_features
from trainers.reward.frozen.kinds import pair_gaps
from trainers.reward.frozen.model import BRADLEY_TERRY_TENSORS, TENSORS, RewardHead
from trainers.reward.judge import Floats, RewardJudge


class FrozenJudge(RewardJudge):
    """A head on the features of an encoder."""

    def __init__(self, readers: Readers, model: RewardHead) -> None:
        self.model = model
        self._readers = readers

    def outputs(self, answers: Sequence[Answer]) -> Floats:
        found: Floats = self.model.outputs(answer_features(self._readers, answers)).numpy()
        return found

    def rescale(self, temperature: float) -> None:
        self.model.rescale(temperature)

    def gaps(self, first: Floats, second: Floats) -> Floats:
        return pair_gaps(self.model.kind, first, second)

    def rewards(self, outputs: Floats) -> Floats:
        rewards: Floats = self.model.rewards(torch.from_numpy(outputs)).mean(1).numpy()
        return rewards


def load(artifact: Artifact) -> RewardJudge:
    """The trained model of an artifact."""
    return _judge(artifact, TENSORS)


def load_twin(artifact: Artifact) -> RewardJudge | None:
    """Its Bradley–Terry twin, where one was trained."""
    kept = (artifact.path / BRADLEY_TERRY_TENSORS).exists()
    return _judge(artifact, BRADLEY_TERRY_TENSORS) if kept else None


def _judge(artifact: Artifact, name: str) -> RewardJudge:
    readers = Readers.of(REWARD.stored(artifact.card["config"]).features, cached=False)
    return FrozenJudge(readers, RewardHead.load(artifact.path / name))
