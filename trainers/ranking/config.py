"""The settings of a ranking."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Config:
    """What a ranking counts.

    rater_kind  "any", or the judgments of people or of AI judges alone
    seed        of the checks beside the ratings; in the ratings nothing is drawn by chance
    """

    rater_kind: Literal["any", "human", "ai"] = "any"
    seed: int = 0
