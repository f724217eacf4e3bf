"""Gold items: handed out unseen, held against the rater, kept out of rankings."""

import pytest

from feedback.annotation.answers import Answer
from feedback.annotation.services import assignment_lease, assignment_submit
from feedback.campaigns.models import Assignment, Campaign, Task
from feedback.campaigns.selectors import campaign_progress
from feedback.campaigns.services import campaign_create, tasks_add
from feedback.errors import ApplicationError
from feedback.people.models import Contributor
from feedback.pool.choices import displayed_choice
from feedback.pool.models import Preference
from feedback.quality.gold.selectors import gold_results
from feedback.quality.gold.services import gold_set, gold_task_for
from feedback.quality.models import QualitySignal
from feedback.quality.services import quality_refresh
from feedback.ranking.selectors import leaderboard
from tests.feedback.builders import make_comparison, make_contributor
from tests.feedback.quality.people import make_items

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    """Twenty tasks, and eight gold items: a third of what is handed out."""
    items = make_items(28)
    campaign, _ = campaign_create(slug="with-gold", overlap=5, source="none", gold_share=0.33)
    tasks_add(campaign=campaign, comparisons=[item.id for item in items])
    for item in items[20:]:
        gold_set(campaign=campaign, comparison=item, choice="a")
    return campaign


def work(person: Contributor, campaign: Campaign, said: str = "a") -> list[bool]:
    """Judge all there is; which were gold items."""
    were_gold = []
    while held := assignment_lease(contributor=person, campaign=campaign):
        were_gold.append(held.task.is_gold)
        answer = Answer(choice=displayed_choice(said, held.order_shown), duration_ms=9000)
        assignment_submit(
            contributor=person, token=held.token, answer=answer, idempotency_key=held.token
        )
    return were_gold


def test_they_come_by_chance_among_the_others_and_once_each(campaign: Campaign) -> None:
    met = [work(make_contributor(), campaign) for _ in range(4)]
    for were_gold in met:
        assert were_gold.count(False) == 20
        assert were_gold.count(True) <= 8
    places = {i for were_gold in met for i, gold in enumerate(were_gold) if gold}
    assert len(places) > 8  # no fixed places


def test_nothing_in_what_a_person_gets_tells_them_apart(campaign: Campaign) -> None:
    person = make_contributor()
    campaign.gold_share = 0.5
    campaign.save()
    were_gold = work(person, campaign)
    assert {True, False} <= set(were_gold)
    held = Assignment.objects.filter(contributor=person).select_related("task")
    assert {len(one.token) for one in held if one.task.is_gold} == {
        len(one.token) for one in held if not one.task.is_gold
    }
    shown = {(one.task.is_gold, one.order_shown) for one in held}
    assert {order for gold, order in shown if not gold} == {"ab", "ba"}


def test_with_nothing_else_to_do_none_is_handed_out(campaign: Campaign) -> None:
    Task.objects.filter(campaign=campaign, is_gold=False).delete()
    campaign.gold_share = 1.0
    assert gold_task_for(campaign=campaign, contributor=make_contributor()) is None


def test_they_are_neither_progress_nor_ranked(campaign: Campaign) -> None:
    before = campaign_progress(campaign)
    assert (before.tasks, before.left) == (20, 100)
    work(make_contributor(), campaign)
    assert campaign_progress(campaign).judged == 20
    assert leaderboard().judgments == 20
    assert Preference.objects.count() > 20


def test_who_misses_them_is_a_concern_with_the_interval(campaign: Campaign) -> None:
    campaign.gold_share = 1.0
    campaign.save()
    wrong, right = make_contributor(), make_contributor()
    work(wrong, campaign, "b")
    work(right, campaign, "a")
    results = {rater.contributor: result for rater, result in gold_results(campaign)}
    assert (results[wrong].n, results[wrong].right) == (8, 0)
    assert results[wrong].high < 0.33  # Wilson's interval of 0 of 8
    assert results[right].share == 1
    quality_refresh()
    concerns = QualitySignal.objects.concerns().filter(kind="gold")
    assert [(one.rater.contributor, len(one.evidence)) for one in concerns] == [(wrong, 8)]


def test_a_known_answer_is_one_of_the_choices(campaign: Campaign) -> None:
    with pytest.raises(ApplicationError):
        gold_set(campaign=campaign, comparison=make_comparison(), choice="c")
