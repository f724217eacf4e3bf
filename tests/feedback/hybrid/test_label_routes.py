"""Decisions about a campaign, in its tasks and in the log."""

from collections import Counter
from pathlib import Path

import pytest

from feedback.campaigns.models import Campaign, Task
from feedback.campaigns.services import campaign_create
from feedback.errors import ApplicationError
from feedback.hybrid.labels import SWAPPED_SUFFIX
from feedback.hybrid.models import Destination, LabelRoute
from feedback.hybrid.selectors import next_for_people
from feedback.hybrid.services import budget_set, campaigns_route, labels_route, planned_judgments
from feedback.people.models import AuditEvent, Contributor
from feedback.pool.moderation.circulation import Texts, texts_restore, texts_withhold
from tests.feedback.builders import make_comparison
from tests.feedback.importing.files import import_file, vote, write_rows

pytestmark = pytest.mark.django_db


def by_judges(tmp_path: Path, verdicts: list[tuple[str, str]], **fields: str) -> None:
    """Prompt n with the n-th verdicts of two judges."""
    rows = [
        vote(prompt=f"Prompt {n}", rater_id=judge, rater_kind="ai", choice=choice, **fields)
        for n, choices in enumerate(verdicts)
        for judge, choice in zip(("GPT", "Claude"), choices, strict=True)
    ]
    import_file(write_rows(tmp_path / "judges.jsonl", rows), source="S")


def rationed(budget: int, *, overlap: int = 1, explore: float = 0.0) -> Campaign:
    campaign, _ = campaign_create(slug="c", overlap=overlap, human_budget=budget, source="S")
    Campaign.objects.filter(pk=campaign.pk).update(explore_share=explore)
    campaign.refresh_from_db()
    return campaign


def prompts_of(destination: Destination) -> list[str]:
    routes = LabelRoute.objects.filter(destination=destination)
    return sorted(route.comparison.turn.messages[0]["content"] for route in routes)


def test_people_are_asked_where_judges_disagree(tmp_path: Path) -> None:
    by_judges(tmp_path, [("a", "a"), ("a", "b"), ("b", "b"), ("tie", "b")])
    assert labels_route(campaign=rationed(2)) == 4
    assert prompts_of(Destination.HUMAN) == ["Prompt 1", "Prompt 3"]
    wanted = dict(Task.objects.values_list("comparison__turn__messages__0__content", "wanted"))
    assert wanted == {"Prompt 0": 0, "Prompt 1": 1, "Prompt 2": 0, "Prompt 3": 1}
    assert set(LabelRoute.objects.values_list("reason", flat=True)) == {
        "disagreement",
        "AI label stands",
    }
    first = Task.objects.order_by("-priority").first()
    assert first is not None
    assert first.wanted == 1


def test_people_are_asked_where_a_judge_contradicts_itself_in_swapped_order(
    tmp_path: Path,
) -> None:
    rows = [
        vote(prompt=f"Prompt {n}", rater_id=f"GPT{suffix}", rater_kind="ai", choice=choice)
        for n, both in enumerate([("a", "a"), ("a", "b"), ("b", "b")])
        for suffix, choice in zip(("", SWAPPED_SUFFIX), both, strict=True)
    ]
    import_file(write_rows(tmp_path / "judge.jsonl", rows), source="S")
    labels_route(campaign=rationed(1))
    assert prompts_of(Destination.HUMAN) == ["Prompt 1"]
    assert LabelRoute.objects.get(destination="human").reason == "contradiction"


def test_the_budget_counts_judgments_and_is_never_exceeded(tmp_path: Path) -> None:
    by_judges(tmp_path, [("a", "b")] * 10)
    campaign = rationed(7, overlap=3)
    labels_route(campaign=campaign)
    assert planned_judgments(campaign) == 6
    assert Counter(Task.objects.values_list("wanted", flat=True)) == {3: 2, 0: 8}
    assert labels_route(campaign=campaign) == 0


def test_exploration_is_drawn_from_the_rest_with_its_chance(tmp_path: Path) -> None:
    by_judges(tmp_path, [("a", "b")] * 4 + [("a", "a")] * 16)
    labels_route(campaign=rationed(8, explore=0.5))
    human = LabelRoute.objects.filter(destination="human")
    assert Counter(human.values_list("reason", flat=True)) == {"disagreement": 4, "exploration": 4}
    for route in human.filter(reason="exploration"):
        assert route.propensity == pytest.approx(4 / 16)
    for route in LabelRoute.objects.filter(destination="ai"):
        assert route.propensity == pytest.approx(12 / 16)


def test_a_later_round_decides_what_is_new(tmp_path: Path) -> None:
    by_judges(tmp_path, [("a", "b"), ("a", "a")])
    campaign = rationed(1)
    assert campaigns_route() == 2
    make_new = [
        vote(prompt="New", rater_id=judge, rater_kind="ai", choice=choice)
        for judge, choice in (("GPT", "a"), ("Claude", "tie"))
    ]
    import_file(write_rows(tmp_path / "new.jsonl", make_new), source="S", campaign="c")
    assert labels_route(campaign=campaign) == 0  # the import has decided already
    assert LabelRoute.objects.count() == 3
    newest = LabelRoute.objects.order_by("created_at").last()
    assert newest is not None
    assert (newest.destination, newest.router_version) == ("ai", "signals-1 round 2")


def test_more_budget_goes_to_what_had_kept_its_ai_label(
    tmp_path: Path, olivia: Contributor
) -> None:
    by_judges(tmp_path, [("a", "b"), ("a", "tie"), ("a", "a")])
    campaign = rationed(1)
    labels_route(campaign=campaign)
    budget_set(campaign=campaign, human_budget=2, explore_share=0, actor=olivia)
    assert planned_judgments(campaign) == 2
    assert prompts_of(Destination.HUMAN) == ["Prompt 0", "Prompt 1"]
    assert AuditEvent.objects.get(action="campaign.budget").actor == olivia


def test_a_budget_below_what_is_asked_for_is_refused(tmp_path: Path, olivia: Contributor) -> None:
    by_judges(tmp_path, [("a", "b")] * 3)
    campaign = rationed(3)
    labels_route(campaign=campaign)
    with pytest.raises(ApplicationError) as error:
        budget_set(campaign=campaign, human_budget=2, explore_share=0, actor=olivia)
    assert "human_budget" in (error.value.fields or {})
    campaign.refresh_from_db()
    assert campaign.human_budget == 3


def test_without_ai_labels_people_are_asked_at_random() -> None:
    for _ in range(6):
        make_comparison()
    campaign, _ = campaign_create(slug="cold", overlap=1, human_budget=3)
    labels_route(campaign=campaign)
    human = LabelRoute.objects.filter(destination="human")
    assert set(human.values_list("reason", "propensity")) == {("cold", 0.5)}
    waiting = LabelRoute.objects.filter(destination="ai")
    assert set(waiting.values_list("reason", flat=True)) == {"AI label awaited"}


def test_a_campaign_without_a_budget_has_nothing_to_decide() -> None:
    make_comparison()
    campaign, _ = campaign_create(slug="free", overlap=1)
    assert labels_route(campaign=campaign) == 0
    assert not LabelRoute.objects.exists()


def test_nothing_is_decided_about_a_text_that_is_out_of_circulation(tmp_path: Path) -> None:
    by_judges(tmp_path, [("a", "b")] * 2)
    campaign = rationed(2)
    one = Task.objects.order_by("id").first()
    assert one is not None
    texts = Texts(responses={one.comparison.response_a_id})
    texts_withhold(texts)
    assert labels_route(campaign=campaign) == 1
    assert not LabelRoute.objects.filter(comparison=one.comparison_id).exists()
    texts_restore(texts, except_for=Texts())
    assert labels_route(campaign=campaign) == 1
    assert [route.comparison_id for route in next_for_people(campaign)].count(
        one.comparison_id
    ) == 1
    texts_withhold(texts)
    assert one.comparison_id not in [r.comparison_id for r in next_for_people(campaign)]
