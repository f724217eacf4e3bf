"""The pages of quality: who may see them, what they say, what a curator may decide."""

from collections.abc import Callable

import pytest
from django.template.loader import render_to_string
from django.test import Client

from feedback.campaigns.models import Campaign
from feedback.people.models import Contributor, Rater, Role
from feedback.people.services import role_set
from feedback.quality.agreement.services import agreements_refresh
from feedback.quality.judgments import judgments_load
from feedback.quality.models import CampaignAgreement, RaterStanding, StandingState
from feedback.quality.raters.selectors import quarantine_of, raters_by_concern
from feedback.quality.services import quality_refresh
from tests.feedback.builders import judge
from tests.feedback.quality.people import crowd_judges, make_items, make_member

pytestmark = pytest.mark.django_db
Browser = Callable[[Contributor], Client]


@pytest.fixture
def curator(bob: Contributor) -> Contributor:
    """Somebody who looks after quality."""
    role_set(contributor=bob, role=Role.CURATOR, actor=None)
    return bob


@pytest.fixture
def hurried() -> Rater:
    """A crowd of four, and one who always takes the first place."""
    items = make_items(50)
    crowd_judges(items)
    person = make_member("hurried")
    for number, item in enumerate(items):
        order = "ab" if number % 2 else "ba"
        judge(item, person, order[0], order_shown=order, duration_ms=400)
    quality_refresh()
    return Rater.objects.get(contributor=person)


def test_only_curators_and_operators_see_them(
    alice: Contributor,
    curator: Contributor,
    olivia: Contributor,
    stranger: Client,
    client_of: Browser,
    hurried: Rater,
) -> None:
    for address in (
        "/quality/",
        f"/quality/raters/{hurried.public_id}/",
        "/leaderboard/influence/",
    ):
        assert stranger.get(address).status_code == 403
        assert client_of(alice).get(address).status_code == 403
        for known in (curator, olivia):
            assert client_of(known).get(address).status_code == 200, address
    posted = client_of(alice).post(f"/quality/raters/{hurried.public_id}/", {"action": "counted"})
    assert posted.status_code == 403
    assert RaterStanding.objects.get().state == StandingState.QUARANTINED


def test_an_empty_pool_says_what_to_do(curator: Contributor, client_of: Browser) -> None:
    page = client_of(curator).get("/quality/").content.decode()
    assert "agreement is not known" in page
    assert "An overlap of two or more" in page
    assert "Nobody has seen a gold item yet." in page
    assert client_of(curator).get("/quality/?campaign=nothing").status_code == 404
    assert client_of(curator).get("/quality/raters/nobody/").status_code == 404


def test_the_page_says_agreement_with_its_interval_and_who_is_a_concern(
    curator: Contributor, client_of: Browser, hurried: Rater
) -> None:
    row = CampaignAgreement.objects.get(campaign=None, aspect="", cohort="all", level="nominal")
    assert row.low is not None
    assert row.alpha is not None
    assert row.high is not None
    assert row.low < row.alpha < row.high
    page = client_of(curator).get("/quality/").content.decode()
    assert f"alpha {row.alpha:.2f} ({row.low:.2f} to {row.high:.2f}) on 50 comparisons" in page
    assert "One rater is in quarantine." in page
    lines = raters_by_concern()
    assert lines[0].rater == hurried
    assert {line.reliability.judgments for line in lines if line.reliability} == {50}
    assert "Favours a side" in page
    detail = client_of(curator).get(f"/quality/raters/{hurried.public_id}/").content.decode()
    assert detail.count("Answer 1 better") >= 20
    assert "Count them again" in detail


def test_a_curator_lifts_it_and_leaves_it_to_the_rules_again(
    curator: Contributor, client_of: Browser, hurried: Rater
) -> None:
    browser, address = client_of(curator), f"/quality/raters/{hurried.public_id}/"
    refused = browser.post(address, {"action": "counted", "reason": ""})
    assert refused.status_code == 400
    assert "Say why" in refused.content.decode()
    assert browser.post(address, {"action": "counted", "reason": "Left-handed"}).status_code == 302
    assert RaterStanding.objects.get().decided_by == curator
    assert "Decided by a person:" in browser.get(address).content.decode()
    assert browser.post(address, {"action": "release"}).status_code == 302
    assert RaterStanding.objects.get().decided_by is None
    assert browser.post(address, {"action": "delete"}).status_code == 400


def test_a_hostile_reason_is_text(curator: Contributor, client_of: Browser, hurried: Rater) -> None:
    browser, address = client_of(curator), f"/quality/raters/{hurried.public_id}/"
    words = '<img src=x onerror="alert(1)">'
    browser.post(address, {"action": "quarantined", "reason": words})
    page = browser.get(address).content.decode()
    assert words not in page
    assert "&lt;img src=x" in page


def test_what_the_person_reads(hurried: Rater, client_of: Browser) -> None:
    contributor = hurried.contributor
    assert contributor is not None
    page = client_of(contributor).get("/contributions/").content.decode()
    assert "your judgments are in quarantine" in page
    told = render_to_string("components/standing.html", {"standing": quarantine_of(contributor)})
    assert "your judgments are in quarantine" in told
    assert "Favours a side" in told
    nothing = render_to_string("components/standing.html", {"standing": None})
    assert nothing.strip() == ""


def test_agreement_of_a_campaign_its_aspects_and_cohorts(alice: Contributor) -> None:
    campaign = Campaign.objects.create(slug="one", name="One", aspects=["helpful"])
    assert agreements_refresh(judgments_load()) == 0
    first, second = make_items(2)
    people = [make_member(f"p{number}") for number in range(3)]
    for person in people:
        person.expertise = ["law"]
        person.save()
        judge(first, person, "a", aspects={"helpful": "a"})
        judge(second, person, "b", aspects={"helpful": "tie"})
    agreements_refresh(judgments_load())
    rows = CampaignAgreement.objects.filter(campaign=None)
    assert {row.cohort for row in rows} == {"all", "human", "tier:1", "expertise:law"}
    assert {row.alpha for row in rows} == {1.0}
    assert {row.units for row in rows} == {2}
    assert not CampaignAgreement.objects.filter(campaign=campaign).exists()
