"""The settings of the policy trainer."""

from dataclasses import asdict, dataclass, fields
from math import isfinite

from trainers.errors import InputError
from trainers.objectives.scaling import PreferenceScaling

TINY = "tiny"
HEAD_WIDTH = 16
SHORTEST = 16
BYTES_AND_MARKS = 512


@dataclass(frozen=True, slots=True)
class Config:
    """Preference-scaled DPO with LoRA. A `None` takes what suits the base; the card names it.

    base             "tiny": a small Llama trained on the snapshot's own answers; or the path or
                     hub name of a causal transformers checkpoint
    seed             of every draw
    beta             scale of the implicit reward beta * log(pi / pi_ref), in nats
    rho0             radius of the preference scaling in nats, in (0, log 2)
    tau0, tau_max    bounds of a pair's temperature, in the units of d = beta * h, as in the
                     authors' code; tau0 = tau_max = 1 is plain DPO
    lora_rank, lora_alpha  of the adapters, on every linear layer but the output head
    learning_rate    of AdamW, after a linear warm-up and before a linear fall to zero
    warmup_fraction  share of the steps that warm up
    batch            pairs an optimizer step
    micro_batch      pairs a forward; halved when memory runs out, without changing the gradient
    epochs           over the training pairs
    max_length       tokens of a prompt and its answer; the prompt's left is cut first
    max_train_pairs, max_test_pairs, max_steps  caps that bound the time of a run
    base_width, base_layers, base_vocabulary, base_steps, base_learning_rate  of the tiny base
    sample_prompts, sample_tokens  answers sampled for `kl` and the mean rewards, on test prompts
    reward           a reward artifact that scores them; without one those two metrics are absent
    device           "auto", "cpu", "cuda"
    """

    base: str = TINY
    seed: int = 0
    beta: float = 0.1
    rho0: float = 0.1
    tau0: float = 0.1
    tau_max: float = 4.0
    lora_rank: int = 16
    lora_alpha: int = 32
    learning_rate: float | None = None
    warmup_fraction: float = 0.1
    batch: int = 32
    micro_batch: int = 16
    epochs: int = 1
    max_length: int | None = None
    max_train_pairs: int | None = None
    max_test_pairs: int = 400
    max_steps: int | None = None
    base_width: int = 96
    base_layers: int = 2
    base_vocabulary: int = 2048
    base_steps: int = 100
    base_learning_rate: float = 3e-3
    sample_prompts: int = 32
    sample_tokens: int = 48
    reward: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse values that mean nothing, by name."""
        self.scaling()
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and field.name not in ("seed", "warmup_fraction"):
                _check_positive(field.name, value)
        if not 0 <= self.warmup_fraction < 1:
            raise InputError(f"warmup_fraction must be in [0, 1), not {self.warmup_fraction}")
        if self.max_length is not None and self.max_length < SHORTEST:
            raise InputError(f"max_length must be at least {SHORTEST}, not {self.max_length}")
        if self.base_width % HEAD_WIDTH:
            raise InputError(f"base_width must be a multiple of {HEAD_WIDTH}")
        if self.base_vocabulary < BYTES_AND_MARKS:
            raise InputError(f"base_vocabulary must be at least {BYTES_AND_MARKS}")

    def scaling(self) -> PreferenceScaling:
        """The constants of the adaptive loss, checked."""
        return PreferenceScaling(self.rho0, self.tau0, self.tau_max)

    def resolved(self) -> "ResolvedConfig":
        """The same settings with every `None` replaced by what suits the base."""
        defaults = TINY_DEFAULTS if self.base == TINY else CHECKPOINT_DEFAULTS
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return ResolvedConfig(**(defaults | given))


@dataclass(frozen=True, slots=True)
class ResolvedConfig(Config):
    """A `Config` in which what depends on the base is decided."""

    learning_rate: float = 2e-3
    max_length: int = 128
    max_train_pairs: int = 800
    max_steps: int = 40


# 5e-5 is the paper's best rate for LoRA on a 7B model; a model three orders of magnitude smaller
# needs more. The caps of the tiny base keep a run under a minute on two cores.
TINY_DEFAULTS: dict[str, float] = {
    "learning_rate": 2e-3,
    "max_length": 128,
    "max_train_pairs": 800,
    "max_steps": 40,
}
CHECKPOINT_DEFAULTS: dict[str, float] = {
    "learning_rate": 5e-5,
    "max_length": 1024,
    "max_train_pairs": 1_000_000,
    "max_steps": 100_000,
}


def _check_positive(name: str, value: float) -> None:
    if not (value > 0 and isfinite(value)):
        raise InputError(f"{name} must be a positive number, not {value}")
