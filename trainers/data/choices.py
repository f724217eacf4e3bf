"""The choices between two answers, a and b: what each is worth, and its mirror image."""

from collections.abc import Mapping
from typing import Final, Literal

Choice = Literal["a", "b", "tie", "both_bad"]
RaterKind = Literal["human", "ai"]

CHOICES: Final[Mapping[str, Choice]] = {
    "a": "a",
    "b": "b",
    "tie": "tie",
    "both_bad": "both_bad",
}
RATER_KINDS: Final[Mapping[str, RaterKind]] = {"human": "human", "ai": "ai"}

# What a choice is worth to answer a. A tie and two bad answers are half a win for each side, as
# evalica and arena-rank count them.
SCORES: Final[Mapping[str, float]] = {"a": 1.0, "b": 0.0, "tie": 0.5, "both_bad": 0.5}

# The same choice where the answers change sides.
FLIPPED: Final[Mapping[str, Choice]] = {"a": "b", "b": "a", "tie": "tie", "both_bad": "both_bad"}
