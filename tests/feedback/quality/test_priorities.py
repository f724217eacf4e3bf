"""Campaigns that want it get what nobody is sure of first."""

import pytest

from feedback.campaigns.models import Task
from feedback.campaigns.services import campaign_create
from feedback.quality.models import Consensus
from feedback.quality.priorities import priorities_follow
from feedback.quality.services import consensus_refresh
from tests.feedback.builders import judge, make_comparison, make_contributor

pytestmark = pytest.mark.django_db


def test_the_most_uncertain_come_first() -> None:
    sure, torn, unjudged = (make_comparison() for _ in range(3))
    people = [make_contributor() for _ in range(4)]
    for place, person in enumerate(people):
        judge(sure, person, "a")
        judge(torn, person, "ab"[place % 2])
    campaign, _ = campaign_create(slug="torn", overlap=9, order="uncertain")
    plain, _ = campaign_create(slug="plain", overlap=9)
    consensus_refresh()
    assert priorities_follow() == 2
    assert priorities_follow() == 0
    line = Task.objects.filter(campaign=campaign).order_by("-priority", "shuffle_key")
    assert [task.comparison for task in line] == [unjudged, torn, sure]
    for task in line.exclude(comparison=unjudged):
        weights = Consensus.objects.get(comparison=task.comparison)
        likeliest = max(weights.p_a, weights.p_b, weights.p_tie, weights.p_both_bad)
        assert task.priority == pytest.approx(1 - likeliest)
    assert set(plain.tasks.values_list("priority", flat=True)) == {0}
