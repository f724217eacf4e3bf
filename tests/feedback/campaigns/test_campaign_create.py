"""Campaigns: which comparisons become tasks, and how many judgments they want."""

import json
from io import StringIO
from itertools import chain
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from feedback.campaigns.models import Campaign, Task
from feedback.campaigns.selectors import campaign_progress, campaigns_open
from feedback.campaigns.services import campaign_create
from feedback.errors import ApplicationError, ConflictError
from feedback.hybrid.models import LabelRoute
from feedback.pool.models import Comparison, ComparisonOrigin, Turn
from feedback.registry.models import Topic
from tests.feedback.builders import make_comparison, make_turn, make_version

pytestmark = pytest.mark.django_db


def command(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("campaign_create", *arguments, stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


def test_a_campaign_takes_the_comparisons_of_a_source_that_have_texts() -> None:
    wanted, other = make_comparison(), make_comparison()
    silent = Comparison.objects.create(
        turn=make_turn(), version_a=make_version(), version_b=make_version()
    )
    for comparison, source in ((wanted, "S"), (silent, "S"), (other, "T")):
        ComparisonOrigin.objects.create(comparison=comparison, kind="import", source=source)
    arguments = ["--slug", "music", "--overlap", "2", "--source", "S", "--aspects", "clear, warm"]
    assert command(*arguments) == {"slug": "music", "tasks": 1}
    task = Task.objects.get()
    assert (task.comparison, task.wanted) == (wanted, 2)
    campaign = Campaign.objects.get()
    assert campaign.aspects == ["clear", "warm"]
    assert (campaign.asks_strength, campaign.asks_rationale) == (True, True)
    assert campaign_progress(task.campaign).left == 2
    assert list(campaigns_open()) == [task.campaign]


def test_the_command_says_all_that_the_form_says(tmp_path) -> None:
    right = make_comparison(make_turn("Was tun?"))
    make_comparison()
    topic = Topic.objects.create(slug="law", name="Law")
    right.turn.topics.add(topic)
    Turn.objects.filter(pk=right.turn_id).update(language="de")
    guidelines = tmp_path / "guidelines.md"
    guidelines.write_text("Be *fair*.")
    told = {
        "--topic": "law",
        "--language": "de",
        "--guidelines": str(guidelines),
        "--order": "oldest",
        "--reasons": "wrong, late",
        "--asks": "rationale",
        "--expertise": "law",
        "--minimum-tier": "2",
        "--gold-share": "0.2",
    }
    made = command("--slug", "law", "--overlap", "1", *chain(*told.items()))
    assert made == {"slug": "law", "tasks": 1}
    campaign = Campaign.objects.get()
    assert campaign.guidelines == "Be *fair*."
    assert (campaign.reasons, campaign.expertise) == (["wrong", "late"], ["law"])
    assert (campaign.asks_strength, campaign.asks_rationale) == (False, True)
    assert (campaign.order, campaign.minimum_tier, campaign.gold_share) == ("oldest", 2, 0.2)


@pytest.mark.parametrize("told", [("--topic", "none"), ("--guidelines", "/nowhere.md")])
def test_the_command_refuses_what_is_not_there(told: tuple[str, str]) -> None:
    with pytest.raises(CommandError) as error:
        command("--slug", "law", "--overlap", "1", *told)
    assert error.value.returncode == 2


def test_the_oldest_first_is_an_order(db: None) -> None:
    made = [make_comparison() for _ in range(5)]
    campaign_create(slug="all", overlap=1, order="oldest")
    tasks = Task.objects.order_by("-priority", "shuffle_key")
    assert [task.comparison for task in tasks] == made


def test_a_campaign_without_a_source_takes_all() -> None:
    make_comparison()
    make_comparison()
    assert campaign_create(slug="all", overlap=1)[1] == 2


def test_a_campaign_with_a_budget_asks_nobody_before_it_is_decided() -> None:
    make_comparison()
    campaign, tasks = campaign_create(slug="rationed", overlap=3, human_budget=10)
    assert tasks == 1
    assert Task.objects.get(campaign=campaign).wanted == 0


def test_tasks_come_in_an_order_that_is_stored_and_random() -> None:
    for _ in range(20):
        make_comparison()
    campaign_create(slug="all", overlap=1)
    keys = list(Task.objects.order_by("comparison_id").values_list("shuffle_key", flat=True))
    assert len(set(keys)) == 20
    assert keys != sorted(keys)


def test_the_command_decides_at_once_who_is_asked() -> None:
    for _ in range(5):
        make_comparison()
    command("--slug", "rationed", "--overlap", "1", "--human-budget", "2")
    assert Task.objects.filter(wanted=1).count() == 2
    assert LabelRoute.objects.count() == 5


def test_a_slug_is_given_once() -> None:
    campaign_create(slug="music", overlap=1)
    with pytest.raises(ConflictError):
        campaign_create(slug="music", overlap=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "no spaces"),
        ("slug", ""),
        ("overlap", 0),
        ("human_budget", -1),
        ("aspects", ["x" * 65]),
        ("reasons", ["r"] * 1 + [str(n) for n in range(20)]),
        ("order", "random"),
        ("gold_share", 1.5),
        ("minimum_tier", 7),
    ],
)
def test_a_field_that_is_wrong_is_named(field: str, value: Any) -> None:
    fields = {"slug": "music", "overlap": 1} | {field: value}
    with pytest.raises(ApplicationError) as error:
        campaign_create(**fields)
    assert field in (error.value.fields or {})
    assert not Campaign.objects.exists()


def test_the_command_ends_with_2_on_unusable_input() -> None:
    with pytest.raises(CommandError) as error:
        command("--slug", "no spaces", "--overlap", "1")
    assert error.value.returncode == 2
