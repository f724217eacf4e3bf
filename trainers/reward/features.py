"""Prompts and responses as the arrays that a reward model reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.encoder import Encoder
from trainers.reward.surface import SURFACE_FEATURES, surface_features

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Features:
    """One row a (prompt, response): the two texts' unit vectors (n, d) and the surface (n, s)."""

    prompt: Floats
    response: Floats
    surface: Floats


def response_features(
    encoder: Encoder,
    rows: Sequence[tuple[str, str]],
    report: Callable[[int, int], None] | None = None,
) -> Features:
    """Features of (prompt text, response text) rows, in their order."""
    texts = [text for row in rows for text in row]
    vectors = encoder.encode(texts, report).reshape(len(rows), 2, encoder.dimension)
    surface = np.empty((len(rows), len(SURFACE_FEATURES)), np.float32)
    for row, (prompt, response) in enumerate(rows):
        surface[row] = surface_features(prompt, response)
    return Features(vectors[:, 0], vectors[:, 1], surface)
