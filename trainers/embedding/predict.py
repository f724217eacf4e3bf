"""Predicting, for prompts, how well every model would do."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from trainers.artifacts import Artifact
from trainers.data.rows import row_prompt
from trainers.embedding.score import Scorer
from trainers.encoding.encoder import Encoder

CHUNK = 256


def predict_rows(artifact: Artifact, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """`{"scores": {model: probability}}` of each {"prompt" or "messages"} row, in their order."""
    scorer = Scorer.load(artifact.path)
    config = artifact.card["config"]
    encoder = Encoder(config["encoder"], max_tokens=config["max_tokens"], cached=False)
    texts = (row_prompt(number, row) for number, row in enumerate(rows, start=1))
    while chunk := list(islice(texts, CHUNK)):
        for scores in scorer.probabilities(encoder.encode(chunk)):
            yield {"scores": dict(zip(scorer.models, map(float, scores), strict=True))}
