"""Answers as the arrays that heads on a frozen encoder read, on disk where there are many."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.encoding.cache import cache_folder
from trainers.encoding.encoder import Encoder
from trainers.reward.answers import Answer
from trainers.reward.config import FeaturesConfig
from trainers.reward.surface import SURFACE_FEATURES, surface_features

Floats = NDArray[np.float32]
CHUNK = 4096  # answers whose vectors are in memory at once


@dataclass(frozen=True, slots=True)
class Features:
    """Arrays of n answers to p different prompts.

    prompt     unit vectors of the prompts, (p, d)
    prompt_of  number of each answer's prompt, (n,)
    response   the answers' vectors, (n, D): the unit vector, or the mean of every layer
    surface    what can be seen without understanding, (n, s)
    """

    prompt: Floats
    prompt_of: NDArray[np.int64]
    response: Floats
    surface: Floats

    def __len__(self) -> int:
        return len(self.surface)

    def rows(self, rows: NDArray[np.int64] | slice, device: torch.device) -> tuple[Tensor, ...]:
        """Prompt and response vectors and surface of some answers, on a device."""
        columns = self.prompt[self.prompt_of[rows]], self.response[rows], self.surface[rows]
        return tuple(torch.from_numpy(np.ascontiguousarray(c)).to(device) for c in columns)


@dataclass(frozen=True, slots=True)
class Readers:
    """The encoder of prompts, and that of responses, which may read every layer."""

    prompt: Encoder
    response: Encoder

    @classmethod
    def of(cls, config: FeaturesConfig, *, cached: bool) -> Self:
        """Return the encoders that a config names."""
        make = partial(Encoder, config.encoder, max_tokens=config.max_length, cached=cached)
        prompt = make()
        return cls(prompt, prompt if config.layers == "last" else make(every_layer=True))


def answer_features(
    readers: Readers,
    answers: Sequence[Answer],
    report: Callable[[int, int], None] | None = None,
    *,
    mapped: bool = False,
) -> Features:
    """Features of answers, in their order; `mapped` keeps them in unnamed files, not in memory."""
    prompts: dict[str, int] = {}
    prompt_of = np.array([prompts.setdefault(a.prompt, len(prompts)) for a in answers], np.int64)
    make = mapped_array if mapped else np.empty
    asked = make((len(prompts), readers.prompt.dimension), np.float32)
    response = make((len(answers), readers.response.dimension), np.float32)
    surface = make((len(answers), len(SURFACE_FEATURES)), np.float32)
    texts = list(prompts)
    for start in range(0, len(texts), CHUNK):
        asked[start : start + CHUNK] = readers.prompt.encode(texts[start : start + CHUNK])
    for start in range(0, len(answers), CHUNK):
        part = answers[start : start + CHUNK]
        response[start : start + CHUNK] = readers.response.encode([a.text for a in part])
        for row, answer in enumerate(part, start):
            surface[row] = surface_features(answer.prompt, answer.text)
        if report is not None:
            report(start + len(part), len(answers))
    return Features(asked, prompt_of, response, surface)


def mapped_array(shape: tuple[int, int], kind: type[np.float32]) -> Floats:
    """An array in a file without a name: the system reclaims it however the process ends."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if 0 in shape:
        return np.empty(shape, kind)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, kind, mode="w+", shape=shape)
