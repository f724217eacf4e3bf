"""What AI labels say about a comparison: against definitions written out plainly."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.hybrid.uncertainty import AILabel, entropy, uncertainty_of

SURE = np.array([0.97, 0.01, 0.01, 0.01])
OPEN = np.full(4, 0.25)
CHOICES = st.sampled_from(["a", "b", "tie", "both_bad"])


def labels(**said: str | list[str]) -> list[AILabel]:
    return [
        AILabel(family=family, choice=choice)
        for family, choices in said.items()
        for choice in ([choices] if isinstance(choices, str) else choices)
    ]


def test_judges_that_agree_leave_only_their_uncertainty() -> None:
    found = uncertainty_of(labels(gpt="a", claude="a"), SURE)
    assert (found.disagreement, found.contradiction) == (0, 0)
    assert found.reason == "uncertainty"
    assert found.gain == pytest.approx(entropy(SURE) / 3)


def test_judges_that_differ_are_a_reason_to_ask() -> None:
    found = uncertainty_of(labels(gpt="a", claude="b"), SURE)
    assert (found.disagreement, found.reason) == (1, "disagreement")


def test_a_judge_that_changes_its_mind_with_the_order_contradicts_itself() -> None:
    found = uncertainty_of(labels(gpt=["a", "b"], claude=["a", "a"]), SURE)
    assert (found.disagreement, found.contradiction) == (0, 0.5)
    assert found.reason == "contradiction"


def test_no_label_is_the_best_reason() -> None:
    found = uncertainty_of([], SURE)
    assert (found.gain, found.reason) == (1, "no AI label")


def test_entropy_runs_from_certain_to_open() -> None:
    assert entropy(np.array([1.0, 0, 0, 0])) == 0
    assert entropy(OPEN) == pytest.approx(1)
    assert entropy(np.array([0.5, 0.5, 0, 0])) == pytest.approx(0.5)


@given(st.dictionaries(st.sampled_from("vwxyz"), st.lists(CHOICES, min_size=1, max_size=2)))
def test_uncertainty_is_that_of_the_definition(said: dict[str, list[str]]) -> None:
    found = uncertainty_of(labels(**said), OPEN)
    steady = [choices[0] for choices in said.values() if len(set(choices)) == 1]
    pairs = list(itertools.combinations(steady, 2))
    differing = sum(x != y for x, y in pairs)
    assert found.disagreement == (differing / len(pairs) if pairs else 0)
    twice = [choices for choices in said.values() if len(choices) == 2]
    wavering = sum(x != y for x, y in twice)
    assert found.contradiction == (wavering / len(twice) if twice else 0)
    naive = -sum(p * math.log(p) for p in OPEN) / math.log(4)
    assert found.entropy == pytest.approx(naive)
    assert 0 <= found.gain <= 1
