"""The settings of the embedding trainer."""

from dataclasses import dataclass
from typing import Literal

from trainers.errors import InputError

METHODS = ("platform", "embedllm")
LOSSES = ("logistic", "adaptive")


@dataclass(frozen=True, slots=True)
class Config:
    """The defaults were chosen on prompts of MMLU-Pro (docs/algorithms/model-embeddings.md).

    encoder        sentence encoder of the questions: the packaged default, a folder or a hub name
    max_tokens     how much of a question the encoder reads
    method         "platform": from outcomes and comparisons; "embedllm": as the paper gives it,
                   from outcomes alone, whose settings are its own and not the ones below
    loss           of comparisons: "logistic" (Bradley-Terry) or "adaptive" (preference scaling)
    dimension      length k of a model's vector, apart from its level
    learning_rate  of AdamW, at its start: it falls to nothing along a cosine
    weight_decay   of AdamW: draws a model's vector towards the mean of all models
    batch          prompts a step, with everything observed on them
    epochs         the latest with the lowest validation log-loss is kept
    seed           of initialisation, order and the kernel's centres
    device         "auto", "cpu", "cuda"
    """

    encoder: str = "all-MiniLM-L6-v2"
    max_tokens: int = 256
    method: Literal["platform", "embedllm"] = "platform"
    loss: Literal["logistic", "adaptive"] = "logistic"
    dimension: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1.0
    batch: int = 128
    epochs: int = 16
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse values that mean nothing, by name."""
        for name in ("max_tokens", "dimension", "learning_rate", "batch", "epochs"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, not {getattr(self, name)}")
        if not self.weight_decay >= 0:
            raise InputError(f"weight_decay must not be negative, not {self.weight_decay}")
        for name, known in (("method", METHODS), ("loss", LOSSES)):
            if getattr(self, name) not in known:
                raise InputError(f"{name} must be one of {', '.join(known)}")
