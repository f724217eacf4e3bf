"""Scoring responses with a trained reward model."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from trainers.artifacts import Artifact
from trainers.data.rows import row_messages, row_text
from trainers.errors import InputError
from trainers.reward.model import Answer
from trainers.reward.modes import load_model

CHUNK = 256


class Scorer:
    """A reward artifact held in memory.

    sigma(score of a - score of b) is the calibrated probability that a is preferred. Only
    differences between answers to one prompt mean anything.
    """

    def __init__(self, artifact: Artifact) -> None:
        if artifact.kind != "reward":
            raise InputError.at(artifact.path, f"is a {artifact.kind} artifact, not a reward")
        self.model = load_model(artifact)

    def scores(self, answers: Sequence[Answer]) -> list[float]:
        """Return the rewards of answers."""
        return [float(score) for score in self.model.score(answers)]


def score_rows(artifact: Artifact, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield `{"score": number}` for each {"prompt" or "messages", "response"} row, in order."""
    scorer = Scorer(artifact)
    answers = (
        Answer(row_messages(number, row), row_text(number, row, "response"))
        for number, row in enumerate(rows, start=1)
    )
    # In chunks, so that a file of any length is scored in bounded memory.
    while chunk := list(islice(answers, CHUNK)):
        yield from ({"score": score} for score in scorer.scores(chunk))
