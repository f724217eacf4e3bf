"""The page of a campaign's known answers: who may use it, and what it does."""

from collections.abc import Callable

import pytest
from django.test import Client

from feedback.campaigns.models import Campaign, GoldItem, Task
from feedback.campaigns.services import campaign_create
from feedback.people.models import AuditEvent, Contributor, Role
from feedback.people.services import role_set
from feedback.pool.models import Response
from feedback.pool.moderation.circulation import Texts, texts_withhold
from tests.feedback.annotation.campaigns import make_campaign
from tests.feedback.builders import make_comparison

pytestmark = pytest.mark.django_db
Browser = Callable[[Contributor], Client]
PAGE = "/campaigns/advice/known-answers/"


@pytest.fixture
def curator(bob: Contributor) -> Contributor:
    """Somebody who looks after quality."""
    role_set(contributor=bob, role=Role.CURATOR, actor=None)
    return bob


@pytest.fixture
def campaign() -> Campaign:
    """Three tasks of two judgments."""
    return make_campaign(overlap=2)


def form_of(campaign: Campaign, **fields: str) -> dict[str, str]:
    task = campaign.tasks.order_by("id").first()
    assert task is not None
    form = {"comparison": task.comparison.public_id, "choice": "2", "mode": "training"}
    return form | {"explanation": "It is *true*."} | fields


def test_only_curators_and_operators_may(
    campaign: Campaign,
    alice: Contributor,
    curator: Contributor,
    olivia: Contributor,
    stranger: Client,
    client_of: Browser,
) -> None:
    form = form_of(campaign)
    for browser in (client_of(alice), stranger):
        assert browser.get(PAGE).status_code == 403
        assert browser.post(PAGE, form).status_code == 403
        assert browser.post(PAGE, form | {"remove": "1"}).status_code == 403
    assert not GoldItem.objects.exists()
    for person in (curator, olivia):
        browser = client_of(person)
        assert browser.get(PAGE).status_code == 200
        assert browser.post(PAGE, form).status_code == 302
        assert browser.post(PAGE, form | {"remove": "1"}).status_code == 302
    actions = AuditEvent.objects.filter(subject="advice").values_list("actor", "action")
    assert list(actions.order_by("created_at")) == [
        (person.pk, action)
        for person in (curator, olivia)
        for action in ("gold.set", "gold.remove")
    ]


def test_the_pages_of_the_campaign_lead_to_it(
    campaign: Campaign, olivia: Contributor, curator: Contributor, client_of: Browser
) -> None:
    link = f'href="{PAGE}"'
    assert link in client_of(olivia).get("/campaigns/advice/edit/").content.decode()
    assert link in client_of(curator).get("/quality/?campaign=advice").content.decode()


def test_one_is_made_changed_and_removed(
    campaign: Campaign, curator: Contributor, client_of: Browser
) -> None:
    browser, form = client_of(curator), form_of(campaign)
    address = f"{PAGE}?comparison={form['comparison']}"
    Response.objects.update(text="<script>alert(1)</script> Yes.")
    chosen = browser.get(address).content.decode()
    assert "What is the right answer?" in chosen
    assert "<script>alert" not in chosen
    browser.post(PAGE, form)
    gold = GoldItem.objects.get()
    assert (gold.choice, gold.mode, gold.explanation) == ("b", "training", "It is *true*.")
    assert Task.objects.get(is_gold=True).comparison == gold.comparison
    page = browser.get(PAGE).content.decode()
    assert "Answer 2 better" in page
    assert "Training" in page
    assert page.count(f"?comparison={form['comparison']}") == 1  # known, not to be chosen again
    assert 'value="2" selected' in browser.get(address).content.decode()
    browser.post(PAGE, form | {"choice": "both_bad", "mode": "silent"})
    gold.refresh_from_db()
    assert (gold.choice, gold.mode) == ("both_bad", "silent")
    browser.post(PAGE, {"comparison": form["comparison"], "remove": "1"})
    assert not GoldItem.objects.exists()
    assert list(Task.objects.values_list("is_gold", "wanted")) == [(False, 2)] * 3


def test_what_is_gold_here_is_not_offered_because_it_is_usual_elsewhere(
    campaign: Campaign, curator: Contributor, client_of: Browser
) -> None:
    browser, form = client_of(curator), form_of(campaign)
    campaign_create(slug="other", overlap=1)
    browser.post(PAGE, form)
    page = browser.get(PAGE).content.decode()
    assert page.count(f"?comparison={form['comparison']}") == 1


def test_where_a_budget_decides_the_router_decides_again(
    campaign: Campaign, curator: Contributor, client_of: Browser
) -> None:
    campaign.human_budget = 10
    campaign.save()
    form = form_of(campaign)
    client_of(curator).post(PAGE, form)
    client_of(curator).post(PAGE, form | {"remove": "1"})
    assert Task.objects.get(comparison__public_id=form["comparison"]).wanted == 0


@pytest.mark.parametrize(
    "wrong",
    [{"choice": "3"}, {"mode": "loud"}, {"explanation": "x" * 2001}, {"explanation": "\x00"}],
)
def test_what_is_wrong_is_said(
    campaign: Campaign, curator: Contributor, client_of: Browser, wrong: dict[str, str]
) -> None:
    refused = client_of(curator).post(PAGE, form_of(campaign, **wrong))
    assert refused.status_code == 400
    assert 'class="problem"' in refused.content.decode()
    assert not GoldItem.objects.exists()


def test_it_is_a_comparison_of_the_campaign_that_is_in_circulation(
    campaign: Campaign, curator: Contributor, client_of: Browser
) -> None:
    browser, other = client_of(curator), make_comparison()
    for public_id in (other.public_id, "nothing"):
        assert browser.get(f"{PAGE}?comparison={public_id}").status_code == 404
        form = form_of(campaign, comparison=public_id)
        assert browser.post(PAGE, form).status_code == 404
    assert browser.post(PAGE, form_of(campaign, remove="1")).status_code == 404  # not known yet
    assert browser.get("/campaigns/none/known-answers/").status_code == 404
    task = campaign.tasks.order_by("id").first()
    assert task is not None
    listed = f"?comparison={task.comparison.public_id}"
    word = task.comparison.turn.messages[0]["content"].split()[-1].strip("?")
    assert listed in browser.get(f"{PAGE}?q={word}").content.decode()
    assert listed not in browser.get(f"{PAGE}?q=elsewhere").content.decode()
    texts_withhold(Texts(turns={task.comparison.turn_id}))
    assert listed not in browser.get(PAGE).content.decode()
