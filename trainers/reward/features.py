"""Answers as the arrays that heads on a frozen encoder read, on disk where there are many."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
from torch import Tensor

from trainers.arrays import Floats32, Ints
from trainers.encoding.encoder import Encoder
from trainers.places import cache_folder
from trainers.reward.config import FeaturesConfig
from trainers.reward.model import Answer
from trainers.reward.surface import SURFACE_FEATURES, surface_features

CHUNK = 4096  # answers whose vectors are in memory at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Arrays of n answers to p different prompts.

    prompt     [p, d] unit vectors of the prompts
    prompt_of  [n] number of each answer's prompt
    response   [n, D] the answers' vectors: the unit vector, or the mean of every layer
    surface    [n, s] what can be seen without understanding
    """

    prompt: Floats32
    prompt_of: Ints
    response: Floats32
    surface: Floats32

    def __len__(self) -> int:
        return len(self.surface)

    def rows(self, rows: Ints | slice, device: torch.device) -> tuple[Tensor, ...]:
        """Return prompt vectors, response vectors and surface of some answers, on a device."""
        # [rows, d], [rows, D], [rows, s]: a prompt's vector is kept once and repeated here.
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
        # One encoder, and one model in memory, where both read the last layer.
        return cls(prompt, prompt if config.layers == "last" else make(every_layer=True))


def answer_features(
    readers: Readers,
    answers: Sequence[Answer],
    report: Callable[[int, int], None] | None = None,
    *,
    mapped: bool = False,
) -> Features:
    """Return features of answers, in their order.

    `mapped` keeps them in files without a name, not in memory.
    """
    prompts: dict[str, int] = {}
    # A prompt is encoded once, however many answers it has.
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
    return Features(prompt=asked, prompt_of=prompt_of, response=response, surface=surface)


def mapped_array(shape: tuple[int, int], kind: type[np.float32]) -> Floats32:
    """Return an array in a file without a name: the system reclaims it however the process ends."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if 0 in shape:  # an empty file cannot be mapped
        return np.empty(shape, kind)
    with tempfile.TemporaryFile(dir=folder) as file:
        # The map keeps the nameless file alive after it is closed here.
        return np.memmap(file, kind, mode="w+", shape=shape)
