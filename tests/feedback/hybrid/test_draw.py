"""Drawing who is asked: the largest gains, and a logged share at random."""

from collections import Counter
from uuid import UUID

import pytest

from feedback.hybrid.draw import Decision, decisions_draw
from feedback.hybrid.models import Destination
from feedback.hybrid.uncertainty import LabelUncertainty


def uncertain(entropy: float, *, labelled: bool = True) -> LabelUncertainty:
    return LabelUncertainty(disagreement=0, contradiction=0, entropy=entropy, labelled=labelled)


def pool(*entropies: float) -> dict[UUID, LabelUncertainty]:
    return {UUID(int=n): uncertain(value) for n, value in enumerate(entropies)}


def asked(decisions: list[Decision]) -> set[int]:
    return {each.comparison.int for each in decisions if each.destination == Destination.HUMAN}


def test_the_largest_gains_go_to_people() -> None:
    decisions = decisions_draw(pool(0.1, 0.9, 0.5, 0.8), people=2, explore_share=0, seed=1)
    assert asked(decisions) == {1, 3}
    assert len(decisions) == 4
    assert {each.propensity for each in decisions} == {1.0}


def test_the_same_seed_draws_the_same() -> None:
    found = pool(*(n % 7 / 7 for n in range(100)))
    once, again = (decisions_draw(found, people=30, explore_share=0.3, seed=5) for _ in range(2))
    assert once == again
    other = decisions_draw(found, people=30, explore_share=0.3, seed=6)
    assert asked(other) != asked(once)


def test_a_budget_for_all_asks_about_all() -> None:
    decisions = decisions_draw(pool(0.1, 0.2), people=9, explore_share=0.5, seed=1)
    assert asked(decisions) == {0, 1}
    assert {each.propensity for each in decisions} == {1.0}


def test_no_budget_asks_about_nothing() -> None:
    decisions = decisions_draw(pool(0.1, 0.2), people=0, explore_share=0.1, seed=1)
    assert asked(decisions) == set()
    assert {each.reason for each in decisions} == {"AI label stands"}


def test_without_ai_labels_all_are_drawn() -> None:
    uncertainties = {UUID(int=n): uncertain(1, labelled=False) for n in range(10)}
    decisions = decisions_draw(uncertainties, people=4, explore_share=0.1, seed=1)
    assert len(asked(decisions)) == 4
    people = [each for each in decisions if each.destination == Destination.HUMAN]
    assert {(each.reason, each.propensity) for each in people} == {("cold", 0.4)}


@pytest.mark.parametrize("explore_share", [0.0, 0.2, 1.0])
def test_logged_propensities_are_the_frequencies_of_many_draws(explore_share: float) -> None:
    found = pool(0.9, 0.5, 0.5, 0.5, 0.2, 0.1)
    seeds, people = 4000, 3
    counts: Counter[int] = Counter()
    for seed in range(seeds):
        decisions = decisions_draw(found, people=people, explore_share=explore_share, seed=seed)
        counts.update(asked(decisions))
    for each in decisions:
        human = each.destination == Destination.HUMAN
        chance = each.propensity if human else 1 - each.propensity
        assert counts[each.comparison.int] / seeds == pytest.approx(chance, abs=0.035)
    assert sum(counts.values()) == seeds * people
