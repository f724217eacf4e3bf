"""Predicting, for prompts, how well every model would do."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from trainers.artifacts import Artifact
from trainers.data.rows import row_prompt
from trainers.embedding.config import EMBEDDING
from trainers.encoding.encoder import Encoder
from trainers.model_vectors.scorer import Scorer

CHUNK = 256  # rows at once: a file of any length is predicted in constant memory


def predict_rows(artifact: Artifact, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield `{"scores": {model: probability}}` for each {"prompt" or "messages"} row, in order.

    Raises InputError, with its number, for a row without a text.
    """
    scorer = Scorer.load(artifact.path)
    config = EMBEDDING.stored(artifact.card["config"])
    encoder = Encoder(config.model_name_or_path, max_tokens=config.max_length, cached=False)
    texts = (row_prompt(number, row) for number, row in enumerate(rows, start=1))
    while chunk := list(islice(texts, CHUNK)):
        for scores in scorer.probabilities(encoder.encode(chunk)):
            yield {"scores": dict(zip(scorer.models, map(float, scores), strict=True))}
