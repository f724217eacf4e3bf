"""The settings of a ranking."""

from dataclasses import dataclass
from typing import Annotated, Literal

from trainers.settings.bounds import Range
from trainers.settings.config import Config
from trainers.settings.kind import Kind


@dataclass(frozen=True, kw_only=True)
class RankingConfig(Config):
    """Which judgments are counted."""

    rater_kind: Literal["any", "human", "ai"] = "any"
    """all judgments, or those of people or of AI judges alone"""
    seed: Annotated[int, Range(least=0)] = 0
    """of the checks beside the ratings; in the ratings nothing is drawn by chance"""


RANKING = Kind(name="ranking", variants={"": RankingConfig})
