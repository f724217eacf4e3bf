"""Whom a campaign asks: who lacks its field or its trust gets no task, and is told why."""

import pytest

from feedback.campaigns.models import Assignment
from feedback.people.models import Contributor, TrustTier
from tests.feedback.annotation.campaigns import make_campaign


@pytest.mark.parametrize(
    ("known", "wanted", "gets_it"),
    [
        ([], ["medicine"], False),
        (["Medicine "], ["medicine", "nursing"], True),
        (["law"], ["medicine"], False),
        ([], [], True),
    ],
)
def test_who_knows_none_of_the_fields_gets_no_task_and_is_told(
    known, wanted, gets_it, alice, client_of
):
    make_campaign(tasks=1, expertise=wanted)
    Contributor.objects.filter(pk=alice.pk).update(expertise=known)
    for path in ("/annotate/", "/annotate/advice/"):
        page = client_of(alice).get(path).content.decode()
        assert ("These tasks are for people who know medicine." in page) is not gets_it
    assert Assignment.objects.exists() is gets_it


def test_a_campaign_can_ask_for_trust(alice, client_of):
    make_campaign(tasks=1, minimum_tier=TrustTier.TRUSTED)
    browser = client_of(alice)
    page = browser.get("/annotate/").content.decode()
    assert "These tasks are for people with enough earlier judgments." in page
    assert not Assignment.objects.exists()
    Contributor.objects.filter(pk=alice.pk).update(trust_tier=TrustTier.TRUSTED)
    browser.get("/annotate/")
    assert Assignment.objects.get().contributor == alice


def test_somebody_who_lacks_a_field_still_gets_what_others_ask(alice, client_of):
    make_campaign(tasks=1, slug="medical", expertise=["medicine"])
    make_campaign(tasks=1, slug="plain")
    page = client_of(alice).get("/annotate/").content.decode()
    assert "Campaign plain" in page
    assert Assignment.objects.get().task.campaign.slug == "plain"


def test_who_says_what_they_know_gets_the_tasks(alice, client_of, stranger):
    make_campaign(tasks=1, expertise=["medicine"])
    browser = client_of(alice)
    browser.get("/annotate/")
    assert not Assignment.objects.exists()
    browser.post("/settings/expertise/", {"expertise": " law, Medicine,,law "})
    assert Contributor.objects.get(pk=alice.pk).expertise == ["law", "Medicine"]
    assert 'value="law, Medicine"' in browser.get("/settings/").content.decode()
    browser.get("/annotate/")
    assert Assignment.objects.get().contributor == alice
    assert browser.post("/settings/expertise/", {"expertise": "x" * 65}).status_code == 400
    assert stranger.post("/settings/expertise/").headers["Location"].startswith("/terms/")
