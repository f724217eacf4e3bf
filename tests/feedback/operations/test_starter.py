"""The starter pool: in by one command, out by another."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Sum
from django.utils import timezone

from feedback.campaigns.models import Assignment, Campaign, CampaignState, Task
from feedback.hybrid.models import AIJudge, LabelRoute
from feedback.hybrid.services import planned_judgments
from feedback.operations.starter import HUMAN_BUDGET, starter_load
from feedback.operations.starter_removal import starter_remove
from feedback.people.models import Contributor, Rater
from feedback.people.selectors import current_consent, rater_of
from feedback.pool.judgment import Judgment
from feedback.pool.models import Comparison, Outcome, Preference, Response, Turn
from feedback.pool.services import Provenance, preference_record
from feedback.ranking.models import VoteTally
from feedback.registry.models import LanguageModel, ModelVersion, Topic
from tests.feedback.builders import judge, make_comparison, make_contributor
from tests.feedback.importing.files import pool_size

pytestmark = pytest.mark.django_db


def command(name: str, *arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


def test_the_starter_pool_is_a_living_product_and_comes_in_once() -> None:
    first = command("starter_load")
    assert first["created"]["prompts"] >= 60
    assert LanguageModel.objects.exclude(description="").count() >= 6
    assert ModelVersion.objects.filter(provider__kind="replay").count() >= 6
    assert Topic.objects.filter(models__isnull=False).distinct().count() >= 3
    assert AIJudge.objects.count() == Rater.objects.filter(source="starter").count() > 0
    assert not Preference.objects.exclude(licence="CC0-1.0", source="starter").exists()
    size = pool_size()
    again = command("starter_load")
    assert again["created"] == {}
    assert again["tasks"] == 0
    assert pool_size() == size


def test_it_can_be_downloaded_at_once(tmp_path: Path) -> None:
    """Nobody of this site gave it, so there is nobody to wait for."""
    starter_load()
    for shape, least in (("preferences", 2000), ("trl", 500), ("outcomes", 300)):
        path = tmp_path / f"{shape}.jsonl"
        assert command("export_data", str(path), "--shape", shape)["rows"] >= least
    assert not Preference.objects.filter(published_number=None).exists()


def test_its_campaign_asks_people_about_some_of_it() -> None:
    starter_load()
    campaign = Campaign.objects.get(slug="starter")
    assert planned_judgments(campaign) == HUMAN_BUDGET
    assert LabelRoute.objects.filter(campaign=campaign).count() == Comparison.objects.count()
    assert Task.objects.filter(campaign=campaign, wanted__gt=0).count() == HUMAN_BUDGET


def test_removing_it_leaves_nothing_behind() -> None:
    mine = judge(make_comparison(), make_contributor())
    size = pool_size()
    starter_load()
    result = command("starter_remove")
    assert result["removed"]["preferences"] > 2000
    assert result["kept"] == {}
    assert pool_size() == size
    assert Preference.objects.get() == mine
    assert not Topic.objects.exists()
    assert not Rater.objects.filter(source="starter").exists()
    assert VoteTally.objects.aggregate(n=Sum("n"))["n"] == 1


def test_what_people_judged_stays_with_what_it_is_about() -> None:
    starter_load()
    comparison = Comparison.objects.select_related("turn").order_by("id")[0]
    mine = judge(comparison, make_contributor())
    result = starter_remove()
    assert Preference.objects.get() == mine
    assert (Comparison.objects.get(), Turn.objects.get()) == (comparison, comparison.turn)
    assert set(Response.objects.all()) == {comparison.response_a, comparison.response_b}
    assert LanguageModel.objects.count() == 2
    assert not Outcome.objects.exists()
    kept = {"comparisons": 1, "responses": 2, "prompts": 1, "conversations": 1}
    assert result["kept"] == kept | {"versions": 2, "models": 2}
    assert result["why"]


def test_a_campaign_in_which_people_judged_is_closed_and_keeps_what_they_did(
    alice: Contributor,
) -> None:
    starter_load()
    tasks = Task.objects.filter(wanted__gt=0)[:2]
    done, skipped = (
        Assignment.objects.create(
            task=task, contributor=alice, order_shown="ab", expires_at=timezone.now(), state=state
        )
        for task, state in zip(tasks, ("submitted", "skipped"), strict=True)
    )
    preference_record(
        comparison=done.task.comparison,
        rater_id=rater_of(alice).pk,
        judgment=Judgment(choice="a"),
        idempotency_key="one",
        provenance=Provenance(
            source="annotation",
            consent_id=current_consent(alice).pk,
            campaign_id=done.task.campaign_id,
            assignment_id=done.id,
        ),
    )
    starter_remove()
    assert Campaign.objects.get().state == CampaignState.CLOSED
    assert Task.objects.get() == done.task
    assert Assignment.objects.get() == done
    assert skipped.pk != done.pk


def test_what_was_removed_does_not_come_back_with_the_next_start() -> None:
    command("starter_load", "--once")
    assert Turn.objects.exists()
    starter_remove()
    assert command("starter_load", "--once")["created"] == {}
    assert not Turn.objects.exists()
