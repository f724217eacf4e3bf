"""The operator's page of campaigns."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feedback.campaigns.models import Campaign, CampaignState, Task
from feedback.campaigns.selectors import campaigns_with_progress
from feedback.campaigns.services import campaign_create
from feedback.people.models import AuditEvent, Contributor
from tests.feedback.builders import make_comparison
from tests.markup import tight

pytestmark = pytest.mark.django_db

Browser = Callable[[Contributor], Client]


def test_a_campaign_is_made_with_a_form(olivia: Contributor, client_of: Browser) -> None:
    make_comparison()
    form = {"name": "Health advice", "slug": "health", "overlap": "3", "aspects": "right, kind"}
    form |= {"reasons": "It is wrong\r\nIt is late", "asks_rationale": "on", "gold_percent": "25"}
    form |= {"expertise": "medicine", "minimum_tier": "1", "order": "oldest"}
    page = client_of(olivia).post("/campaigns/new/", form, follow=True).content.decode()
    campaign = Campaign.objects.get()
    assert (campaign.overlap, campaign.aspects) == (3, ["right", "kind"])
    assert campaign.human_budget is None
    assert campaign.reasons == ["It is wrong", "It is late"]
    assert (campaign.asks_strength, campaign.asks_rationale) == (False, True)
    assert (campaign.expertise, campaign.minimum_tier) == (["medicine"], 1)
    assert (campaign.order, campaign.gold_share) == ("oldest", 0.25)
    assert Task.objects.get().wanted == 3
    assert "Health advice" in page


@pytest.mark.parametrize(
    "wrong", [{"slug": "a b"}, {"overlap": "many"}, {"overlap": "0"}, {"human_budget": "-1"}]
)
def test_what_is_wrong_is_said_and_kept_in_the_form(
    wrong: dict[str, str], olivia: Contributor, client_of: Browser
) -> None:
    form = {"name": "Health advice", "slug": "health", "overlap": "1"} | wrong
    answer = client_of(olivia).post("/campaigns/new/", form)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "Nothing is saved yet." in page
    assert f'id="id_{next(iter(wrong))}_error"' in page
    assert 'value="Health advice"' in page
    assert not Campaign.objects.exists()


def test_a_campaign_is_changed_and_its_tasks_follow(
    olivia: Contributor, client_of: Browser
) -> None:
    for _ in range(3):
        make_comparison()
    campaign, _ = campaign_create(slug="health", name="Health", overlap=3)
    first = Task.objects.order_by("shuffle_key").first()
    Task.objects.filter(pk=first.pk).update(taken=2)
    browser = client_of(olivia)
    page = browser.get("/campaigns/health/edit/").content.decode()
    assert 'value="Health"' in page
    assert 'name="source"' not in page
    form = {
        "name": "Health *advice*",
        "overlap": "1",
        "order": "oldest",
        "guidelines": "Be *fair*.",
    }
    answer = browser.post("/campaigns/health/edit/", form)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/campaigns/")
    campaign.refresh_from_db()
    assert (campaign.name, campaign.overlap, campaign.order) == ("Health *advice*", 1, "oldest")
    assert dict(Task.objects.values_list("id", "wanted")) == {
        task.id: 2 if task == first else 1 for task in Task.objects.all()
    }
    in_time = Task.objects.order_by("comparison__created_at")
    assert list(in_time) == list(Task.objects.order_by("shuffle_key"))
    assert "<em>fair</em>" in browser.get("/campaigns/health/edit/").content.decode()
    assert browser.post("/campaigns/health/edit/", form | {"overlap": "0"}).status_code == 400
    assert AuditEvent.objects.filter(actor=olivia, action="campaign.edit").count() == 1


def test_a_closed_campaign_is_not_changed(olivia: Contributor, client_of: Browser) -> None:
    campaign_create(slug="health", name="Health")
    Campaign.objects.update(state=CampaignState.CLOSED)
    browser = client_of(olivia)
    assert ">Save<" not in tight(browser.get("/campaigns/health/edit/").content.decode())
    answer = browser.post("/campaigns/health/edit/", {"name": "Other", "overlap": "2"})
    assert answer.status_code == 400
    assert Campaign.objects.get().name == "Health"


def test_a_campaign_pauses_goes_on_and_ends(olivia: Contributor, client_of: Browser) -> None:
    campaign, _ = campaign_create(slug="health")
    browser = client_of(olivia)
    for state in (CampaignState.PAUSED, CampaignState.OPEN, CampaignState.CLOSED):
        browser.post("/campaigns/health/state/", {"state": state.value})
        campaign.refresh_from_db()
        assert campaign.state == state
    assert AuditEvent.objects.filter(actor=olivia, action__startswith="campaign.").count() == 3
    page = browser.get("/campaigns/").content.decode()
    assert "Close permanently" not in page


def test_a_closed_campaign_stays_closed(olivia: Contributor, client_of: Browser) -> None:
    campaign, _ = campaign_create(slug="health")
    Campaign.objects.update(state=CampaignState.CLOSED)
    answer = client_of(olivia).post("/campaigns/health/state/", {"state": "open"})
    assert answer.status_code == 409
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.CLOSED


def test_many_campaigns_take_as_many_queries_as_one(
    olivia: Contributor, client_of: Browser
) -> None:
    browser = client_of(olivia)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/campaigns/").status_code == 200
        return len(captured)

    make_comparison()
    campaign_create(slug="first", overlap=2)
    before = queries()
    for number in range(5):
        campaign_create(slug=f"campaign-{number}", overlap=number + 1)
    assert queries() == before
    progress = {campaign.slug: each for campaign, each in campaigns_with_progress()}
    assert [progress[f"campaign-{number}"].left for number in range(5)] == [1, 2, 3, 4, 5]
    Task.objects.all().delete()
    assert {each.tasks for _, each in campaigns_with_progress()} == {0}


def test_only_operators_see_it_and_only_what_exists(
    olivia: Contributor, alice: Contributor, client_of: Browser, stranger: Client
) -> None:
    campaign_create(slug="health")
    for path in ("/campaigns/", "/campaigns/new/", "/campaigns/health/edit/"):
        assert client_of(alice).get(path).status_code == 403
        assert stranger.get(path).status_code == 403
    form = {"name": "Mine", "slug": "mine", "overlap": "1"}
    assert client_of(alice).post("/campaigns/new/", form).status_code == 403
    assert client_of(alice).post("/campaigns/health/edit/", form).status_code == 403
    assert not Campaign.objects.filter(name="Mine").exists()
    assert stranger.post("/campaigns/health/state/", {"state": "closed"}).status_code == 403
    browser = client_of(olivia)
    assert browser.post("/campaigns/none/state/", {"state": "open"}).status_code == 404
    assert browser.post("/campaigns/health/state/", {"state": "gone"}).status_code == 404
    assert browser.get("/campaigns/health/state/").status_code == 405
