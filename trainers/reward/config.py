"""The settings of the reward trainer."""

from dataclasses import dataclass

from trainers.errors import InputError
from trainers.scaling import PreferenceScaling

HEADS = ("auto", "linear", "mlp")


@dataclass(frozen=True, slots=True)
class Config:
    """A scalar head on frozen encoder features, trained with the adaptive preference loss.

    encoder        sentence encoder: the packaged default, a folder or a hub name
    max_tokens     how much of a prompt and of a response the encoder reads
    head           "linear", "mlp" (one hidden layer), or "auto": the better one on validation
    hidden         width of the hidden layer
    dropout        of the hidden layer, while training
    rho0           radius of the preference scaling in nats, in (0, log 2)
    tau0           smallest temperature of a pair
    tau_max        largest temperature of a pair; tau0 = tau_max = 1 is Bradley–Terry
    learning_rate  of AdamW
    weight_decay   of AdamW
    batch          pairs a step
    epochs         at most; training stops earlier when validation stops improving
    patience       epochs without improvement before it stops
    seed           of initialisation, order and dropout
    device         "auto", "cpu", "cuda"
    """

    encoder: str = "all-MiniLM-L6-v2"
    max_tokens: int = 256
    head: str = "auto"
    hidden: int = 64
    dropout: float = 0.2
    rho0: float = 0.1
    tau0: float = 0.1
    tau_max: float = 4.0
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    batch: int = 256
    epochs: int = 60
    patience: int = 8
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse values that mean nothing, by name."""
        self.scaling()
        if self.head not in HEADS:
            raise InputError(f"head must be one of {', '.join(HEADS)}, not {self.head!r}")
        if not 0.0 <= self.dropout < 1.0:
            raise InputError(f"dropout must be in [0, 1), not {self.dropout}")
        if self.weight_decay < 0.0:
            raise InputError(f"weight_decay must not be negative, not {self.weight_decay}")
        for name in ("max_tokens", "hidden", "learning_rate", "batch", "epochs", "patience"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, not {getattr(self, name)}")

    def scaling(self) -> PreferenceScaling:
        """The constants of the adaptive loss, checked."""
        return PreferenceScaling(self.rho0, self.tau0, self.tau_max)
