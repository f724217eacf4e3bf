"""The operator's page of campaigns."""

from collections.abc import Callable

import pytest
from django.test import Client

from feedback.campaigns.models import Campaign, CampaignState, Task
from feedback.campaigns.services import campaign_create
from feedback.people.models import AuditEvent, Contributor
from tests.feedback.builders import make_comparison

pytestmark = pytest.mark.django_db

Browser = Callable[[Contributor], Client]


def test_a_campaign_is_made_with_a_form(olivia: Contributor, client_of: Browser) -> None:
    make_comparison()
    form = {"name": "Health advice", "slug": "health", "overlap": "3", "aspects": "right, kind"}
    page = client_of(olivia).post("/campaigns/", form, follow=True).content.decode()
    campaign = Campaign.objects.get()
    assert (campaign.overlap, campaign.aspects) == (3, ["right", "kind"])
    assert campaign.human_budget is None
    assert Task.objects.get().wanted == 3
    assert "Health advice" in page


@pytest.mark.parametrize(
    "wrong", [{"slug": "a b"}, {"overlap": "many"}, {"overlap": "0"}, {"human_budget": "-1"}]
)
def test_what_is_wrong_is_said_and_kept_in_the_form(
    wrong: dict[str, str], olivia: Contributor, client_of: Browser
) -> None:
    form = {"name": "Health advice", "slug": "health", "overlap": "1"} | wrong
    answer = client_of(olivia).post("/campaigns/", form)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "This campaign cannot be made." in page
    assert 'value="Health advice"' in page
    assert not Campaign.objects.exists()


def test_a_campaign_pauses_goes_on_and_ends(olivia: Contributor, client_of: Browser) -> None:
    campaign, _ = campaign_create(slug="health")
    browser = client_of(olivia)
    for state in (CampaignState.PAUSED, CampaignState.OPEN, CampaignState.CLOSED):
        browser.post("/campaigns/health/state/", {"state": state.value})
        campaign.refresh_from_db()
        assert campaign.state == state
    assert AuditEvent.objects.filter(actor=olivia, action__startswith="campaign.").count() == 3
    page = browser.get("/campaigns/").content.decode()
    assert "Close for good" not in page


def test_a_closed_campaign_stays_closed(olivia: Contributor, client_of: Browser) -> None:
    campaign, _ = campaign_create(slug="health")
    Campaign.objects.update(state=CampaignState.CLOSED)
    answer = client_of(olivia).post("/campaigns/health/state/", {"state": "open"})
    assert answer.status_code == 409
    campaign.refresh_from_db()
    assert campaign.state == CampaignState.CLOSED


def test_only_operators_see_it_and_only_what_exists(
    olivia: Contributor, alice: Contributor, client_of: Browser, stranger: Client
) -> None:
    campaign_create(slug="health")
    assert client_of(alice).get("/campaigns/").status_code == 403
    assert stranger.post("/campaigns/health/state/", {"state": "closed"}).status_code == 403
    browser = client_of(olivia)
    assert browser.post("/campaigns/none/state/", {"state": "open"}).status_code == 404
    assert browser.post("/campaigns/health/state/", {"state": "gone"}).status_code == 404
    assert browser.get("/campaigns/health/state/").status_code == 405
