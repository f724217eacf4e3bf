"""Weights in the vote counts: at constant cost, exact, and never lost."""

import pytest

from feedback.campaigns.models import Campaign, GoldItem
from feedback.people.models import Rater, TrustTier
from feedback.people.services import tier_set
from feedback.pool.judgment import Judgment
from feedback.pool.services import Provenance, preference_record
from feedback.quality.raters.weights import rater_weigh
from feedback.ranking.models import VoteTally
from feedback.ranking.selectors import pair_counts
from feedback.ranking.services import vote_counts_compact
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version, withdraw

pytestmark = pytest.mark.django_db


def sums() -> tuple[float, float, float]:
    counts = pair_counts()
    return float(counts.n.sum()), float(counts.count.sum()), float(counts.square.sum())


def test_a_judgment_weighs_what_its_rater_does() -> None:
    a, b = make_version(), make_version()
    person = make_contributor()  # anonymous
    judge(make_comparison(version_a=a, version_b=b), person)
    assert sums() == pytest.approx((1, 0.3, 0.09))
    tier_set(contributor=person, tier=TrustTier.TRUSTED, reason="test")
    assert sums() == pytest.approx((1, 1, 1))
    rater_weigh(rater=Rater.objects.get(contributor=person), reliability=0.5)
    judge(make_comparison(version_a=b, version_b=a), person)
    assert sums() == pytest.approx((2, 1, 0.5))
    vote_counts_compact()
    assert sums() == pytest.approx((2, 1, 0.5))


def test_what_is_taken_back_takes_its_weight_along() -> None:
    person = make_contributor()
    preference = judge(make_comparison(), person)
    tier_set(contributor=person, tier=TrustTier.REGISTERED, reason="test")
    withdraw(preference, person)
    vote_counts_compact()
    assert VoteTally.objects.count() == 0


def test_a_weight_of_nothing_leaves_the_count_and_no_say() -> None:
    a, b = make_version(), make_version()
    silent, heard = make_contributor(), make_contributor()
    judge(make_comparison(version_a=a, version_b=b), silent, "a")
    judge(make_comparison(version_a=a, version_b=b), heard, "b")
    rater_weigh(rater=Rater.objects.get(contributor=silent), reliability=0.0)
    assert sums() == pytest.approx((1, 0.3, 0.09))
    assert VoteTally.objects.filter(n=1).count() == 2


def test_a_small_move_touches_nothing() -> None:
    person = make_contributor()
    judge(make_comparison(), person)
    rater = Rater.objects.get(contributor=person)
    rows = VoteTally.objects.count()
    assert not rater_weigh(rater=rater, reliability=0.99)
    assert VoteTally.objects.count() == rows


def test_known_answers_do_not_rank() -> None:
    campaign = Campaign.objects.create(slug="gold", name="Gold")
    comparison, person = make_comparison(), make_contributor()
    preference_record(
        comparison=comparison,
        rater_id=Rater.objects.get(contributor=person).pk,
        judgment=Judgment(choice="a"),
        idempotency_key="once",
        provenance=Provenance(source="test", licence="CC0-1.0", campaign_id=campaign.id),
    )
    assert sums()[0] == 1
    gold = GoldItem.objects.create(campaign=campaign, comparison=comparison, choice="a")
    assert sums() == (0, 0, 0)
    gold.delete()
    assert sums() == pytest.approx((1, 0.3, 0.09))
