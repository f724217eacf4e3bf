"""What every way of training an embedding ends in."""

from collections.abc import Callable
from dataclasses import dataclass

from trainers.arrays import Floats
from trainers.model_vectors.features import FeatureMap

# (epoch, epochs, log-loss in nats): of the validation prompts, or of training as published
Report = Callable[[int, int, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """Logits are z(q) . p_m + offset, with the models' vectors p [M, k]."""

    features: FeatureMap
    vectors: Floats
    offset: float
