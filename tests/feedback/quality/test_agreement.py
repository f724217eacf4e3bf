"""Agreement of campaigns, aspects and cohorts: grouped from arrays, and right."""

import uuid

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from feedback.campaigns.models import Campaign
from feedback.people.models import ConsentRecord, Contributor, Rater
from feedback.pool.judgment import Judgment
from feedback.pool.models import Comparison
from feedback.pool.services import Provenance, preference_record
from feedback.quality.agreement.alpha import rating_patterns
from feedback.quality.agreement.services import agreements_refresh
from feedback.quality.judgments import judgments_load
from feedback.quality.models import CampaignAgreement
from feedback.quality.services import quality_refresh
from tests.feedback.builders import judge
from tests.feedback.quality.people import crowd_judges, make_items, make_member

pytestmark = pytest.mark.django_db


def judge_in(
    campaign: Campaign, comparison: Comparison, person: Contributor, choice: str, helpful: str
) -> None:
    preference_record(
        comparison=comparison,
        rater_id=Rater.objects.get(contributor=person).pk,
        judgment=Judgment(choice=choice, aspects={"helpful": helpful}),
        idempotency_key=uuid.uuid4().hex,
        provenance=Provenance(
            source="test",
            campaign_id=campaign.id,
            consent_id=ConsentRecord.objects.filter(contributor=person).latest("id").pk,
            judged_at=timezone.now(),
        ),
    )


def make_campaign(slug: str) -> Campaign:
    return Campaign.objects.create(slug=slug, name=slug, aspects=["helpful", "kind"])


def test_a_row_says_who_agrees_in_which_campaign_on_which_aspect() -> None:
    ours, theirs = make_campaign("ours"), make_campaign("theirs")
    first, second = make_items(2)
    lawyer, other = make_member("lawyer"), make_member("other")
    lawyer.expertise = ["law"]
    lawyer.save()
    for person in (lawyer, other):
        judge_in(ours, first, person, "a", "a" if person == lawyer else "b")
        judge_in(ours, second, person, "b", "tie")
    judge_in(theirs, make_items(1)[0], lawyer, "a", "a")
    agreements_refresh(judgments_load())
    rows = {
        (row.aspect, row.cohort): (row.level, row.alpha, row.units, row.ratings)
        for row in CampaignAgreement.objects.filter(campaign=ours)
    }
    groups = ("all", "human", "tier:1")  # nobody else knows law, so lawyers agree with nobody
    # By hand, of b and a in one unit, level and level in the other: D_o = 2 * 3² / 4, and
    # D_e = (2 * 3² + 8 * 1.5²) / (4 * 3).
    aspect = ("ordinal", pytest.approx(-0.5), 2, 4)
    assert rows == {("", name): ("nominal", 1.0, 2, 4) for name in groups} | {
        ("helpful", name): aspect for name in groups
    }
    assert not CampaignAgreement.objects.filter(campaign=theirs).exists()


def test_a_refresh_reads_the_judgments_once_however_many_campaigns_there_are() -> None:
    items = make_items(3)
    people = [make_member(f"p{number}") for number in range(2)]

    def queries() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as captured:
            quality_refresh()
        statements = [each["sql"] for each in captured]
        scans = [sql for sql in statements if "ORDER BY p.id" in sql and "WHERE p.state" in sql]
        return len(statements), len(scans)

    def judge_all(campaign: Campaign) -> None:
        for item in items:
            for person in people:
                judge_in(campaign, item, person, "a", "a")

    judge_all(make_campaign("first"))
    before, scans = queries()
    assert scans == 1
    for number in range(4):
        items = make_items(3)
        judge_all(make_campaign(f"campaign {number}"))
    after, scans = queries()
    assert scans == 1
    assert after == before
    assert CampaignAgreement.objects.exclude(campaign=None).count() == 5 * 2 * 3


def test_who_goes_into_quarantine_does_not_count_in_the_same_refresh() -> None:
    items = make_items(60)
    crowd_judges(items)
    guesser, rng = make_member("guesser"), np.random.default_rng(1)
    for item in items:
        said = str(rng.choice(["a", "b", "tie", "both_bad"]))
        judge(item, guesser, said, order_shown="ab", duration_ms=20_000)
    assert quality_refresh() == 1
    row = CampaignAgreement.objects.get(cohort="all")
    assert (row.units, row.ratings) == (60, 240)
    agreements_refresh(judgments_load())
    again = CampaignAgreement.objects.get(cohort="all")
    assert (again.alpha, again.low, again.high) == (row.alpha, row.low, row.high)


def test_patterns_are_counted_like_a_dictionary_would() -> None:
    rng = np.random.default_rng(1)
    unit, value = rng.integers(0, 50, 300), rng.integers(0, 4, 300)
    counts: dict[tuple[int, ...], int] = {}
    for one in range(50):
        pattern = tuple(int(((unit == one) & (value == each)).sum()) for each in range(4))
        if sum(pattern) > 1:
            counts[pattern] = counts.get(pattern, 0) + 1
    patterns, times = rating_patterns(unit, value, 4)
    assert dict(zip(map(tuple, patterns.tolist()), times.tolist(), strict=True)) == counts
    nothing, _ = rating_patterns(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), 4)
    assert nothing.shape == (0, 4)
