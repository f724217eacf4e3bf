"""Scoring responses with a trained reward model."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from trainers.artifacts import Artifact
from trainers.encoder import Encoder
from trainers.errors import InputError
from trainers.reward.features import response_features
from trainers.reward.model import TENSORS, RewardModel
from trainers.rows import row_prompt, row_text

CHUNK = 256


class Scorer:
    """A reward artifact held in memory.

    Scores are in units of its temperature: sigma(score of a - score of b) is the calibrated
    probability that a is preferred. Only differences between answers to one prompt mean anything.
    """

    def __init__(self, artifact: Artifact) -> None:
        if artifact.kind != "reward":
            raise InputError.at(artifact.path, f"is a {artifact.kind} artifact, not a reward")
        config = artifact.card["config"]
        self._encoder = Encoder(config["encoder"], max_tokens=config["max_tokens"], cached=False)
        self._model = RewardModel.load(artifact.path / TENSORS)

    def scores(self, rows: Sequence[tuple[str, str]]) -> list[float]:
        """The rewards of (prompt text, response text) rows."""
        if not rows:
            return []
        rewards = self._model.rewards(response_features(self._encoder, rows))
        return [float(reward) for reward in rewards / float(self._model.temperature)]


def score_rows(artifact: Artifact, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """`{"score": number}` for each {"prompt" or "messages", "response"} row, in their order."""
    scorer = Scorer(artifact)
    texts = (
        (row_prompt(number, row), row_text(number, row, "response"))
        for number, row in enumerate(rows, start=1)
    )
    while chunk := list(islice(texts, CHUNK)):
        yield from ({"score": score} for score in scorer.scores(chunk))
