"""The settings of the embedding trainer."""

from dataclasses import dataclass

from trainers.errors import InputError


@dataclass(frozen=True, slots=True)
class Config:
    """EmbedLLM's model: one free vector a language model, one projection of the question.

    The published settings are dimension 232, noise 0.05, learning_rate 1e-4, weight_decay 1e-5,
    50 epochs of 2,048 rows; the defaults here were chosen on validation prompts of MMLU-Pro and
    train in seconds on a CPU (docs/algorithms/model-embeddings.md).

    encoder        sentence encoder of the questions: the packaged default, a folder or a hub name
    max_tokens     how much of a question the encoder reads
    dimension      length k of a model's vector
    noise          standard deviation of the Gaussian noise on each entry of a question vector,
                   while training only
    learning_rate  of AdamW
    weight_decay   of AdamW: draws a model's vector towards the mean of all models
    batch          prompts a step, with everything observed on them
    epochs         at most; training stops earlier when validation stops improving
    patience       epochs without improvement before it stops
    seed           of initialisation, order and noise
    device         "auto", "cpu", "cuda"
    """

    encoder: str = "all-MiniLM-L6-v2"
    max_tokens: int = 256
    dimension: int = 48
    noise: float = 0.03
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    batch: int = 256
    epochs: int = 100
    patience: int = 6
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse values that mean nothing, by name."""
        for name in ("max_tokens", "dimension", "learning_rate", "batch", "epochs", "patience"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("noise", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must not be negative, not {getattr(self, name)}")
