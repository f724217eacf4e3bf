"""The operator's page of hybrid labelling."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from feedback.campaigns.models import Campaign
from feedback.campaigns.services import campaign_create
from feedback.hybrid.services import labels_route
from feedback.people.models import Contributor
from feedback.quality.agreement.human_ai import agreement_by_judge, agreement_by_topic
from tests.feedback.builders import make_comparison
from tests.feedback.importing.files import import_file

pytestmark = pytest.mark.django_db

Browser = Callable[[Contributor], Client]


def campaign_of_llmfao(shared_data: Path, *, votes: int | None = None) -> Campaign:
    """Real votes of people and judges, in a campaign that may ask 100 times more."""
    pairs = None if votes is None else votes // 4
    for name, limit in (("llmfao_pairs", pairs), ("llmfao_votes", votes)):
        import_file(shared_data / f"{name}.parquet", profile=Path(name), limit=limit)
    campaign, _ = campaign_create(
        slug="answers", overlap=2, human_budget=100, source="LLMFAO", name="Answers"
    )
    labels_route(campaign=campaign)
    return campaign


@pytest.fixture
def llmfao(shared_data: Path) -> Campaign:
    """The first of those pairs."""
    return campaign_of_llmfao(shared_data, votes=800)


def test_the_page_says_what_is_spent_and_who_is_asked_next(
    llmfao: Campaign, olivia: Contributor, client_of: Browser
) -> None:
    page = client_of(olivia).get("/hybrid/").content.decode()
    assert "0 of 100 human judgments." in page
    assert "Hybrid: Answers" in page
    reasons = re.findall(r'<td class="why">(disagreement|exploration)</td>', page)
    assert len(reasons) == 20
    assert "Argue for and against the use of kubernetes" in page


def test_agreement_with_people_is_what_the_source_is_known_for(shared_data: Path) -> None:
    campaign = campaign_of_llmfao(shared_data)
    by_name = {each.name: each for each in agreement_by_judge(campaign)}
    gpt4 = by_name["GPT-4"]
    assert gpt4.share == pytest.approx(0.662, abs=0.0005)
    assert gpt4.low < gpt4.share < gpt4.high
    assert gpt4.high - gpt4.low == pytest.approx(0.043, abs=0.01)
    topics = agreement_by_topic(campaign)
    assert {topic.name for topic in topics} >= {"knowledge", "creativity"}
    assert all(0.4 < topic.low < topic.share < topic.high < 0.9 for topic in topics)


def test_the_budget_can_be_raised(
    llmfao: Campaign, olivia: Contributor, client_of: Browser
) -> None:
    answer = client_of(olivia).post(
        "/hybrid/?campaign=answers", {"human_budget": "200", "explore": "20"}, follow=True
    )
    assert "0 of 200 human judgments" in answer.content.decode()
    llmfao.refresh_from_db()
    assert (llmfao.human_budget, llmfao.explore_share) == (200, 0.2)


@pytest.mark.parametrize(
    "form",
    [
        {"human_budget": "many", "explore": "10"},
        {"human_budget": "5", "explore": "101"},
        {"human_budget": "-5", "explore": "10"},
        {},
    ],
)
def test_a_form_that_is_wrong_changes_nothing(
    form: dict[str, str], olivia: Contributor, client_of: Browser
) -> None:
    make_comparison()
    campaign, _ = campaign_create(slug="c", overlap=1, human_budget=3)
    answer = client_of(olivia).post("/hybrid/", form)
    assert answer.status_code == 400
    assert "The budget was not changed." in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.human_budget == 3


def test_a_cold_start_is_explained(olivia: Contributor, client_of: Browser) -> None:
    make_comparison()
    campaign_create(slug="cold", overlap=1, human_budget=1)
    page = client_of(olivia).get("/hybrid/").content.decode()
    assert "Until then people are asked at random." in page
    assert "No comparison of this campaign is labelled by both yet." in page


def test_a_site_without_such_a_campaign_says_so(olivia: Contributor, client_of: Browser) -> None:
    assert (
        "No campaign has a human budget yet" in client_of(olivia).get("/hybrid/").content.decode()
    )


def test_only_operators_see_it(
    alice: Contributor, client_of: Browser, stranger: Client, olivia: Contributor
) -> None:
    assert client_of(alice).get("/hybrid/").status_code == 403
    assert stranger.get("/hybrid/").status_code == 403
    assert client_of(olivia).delete("/hybrid/").status_code == 405
    assert client_of(olivia).get("/hybrid/?campaign=nowhere").status_code == 404
