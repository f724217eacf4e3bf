"""From judgments to checks, weights and quarantine, and back."""

import numpy as np
import pytest

from feedback.errors import ApplicationError
from feedback.people.models import AuditEvent, Contributor, Rater, TrustTier
from feedback.pool.lifecycle import judgments_publish
from feedback.pool.models import Preference, PreferenceState
from feedback.quality.checks import SEQUENTIAL
from feedback.quality.models import QualitySignal, RaterStanding, StandingState
from feedback.quality.raters.quarantine import quarantine_leave_to_rules, quarantine_set
from feedback.quality.raters.selectors import quarantine_of
from feedback.quality.services import quality_refresh
from feedback.ranking.models import VoteTally
from feedback.ranking.selectors import leaderboard
from tests.feedback.builders import judge
from tests.feedback.quality.people import crowd_judges, make_items, make_member

pytestmark = pytest.mark.django_db


def rater_of(contributor: Contributor) -> Rater:
    return Rater.objects.get(contributor=contributor)


def look() -> int:
    return quality_refresh(even_if_current=True)


@pytest.fixture
def guesser() -> Contributor:
    """Sixty comparisons judged by four people who look, and by one who does not."""
    items = make_items(60)
    crowd_judges(items)
    person, rng = make_member("guesser"), np.random.default_rng(1)
    for item in items:
        said = str(rng.choice(["a", "b", "tie", "both_bad"]))
        judge(item, person, said, order_shown="ab", duration_ms=20_000)
    return person


def test_who_guesses_goes_into_quarantine_with_reason_and_evidence(guesser: Contributor) -> None:
    assert look() == 1
    rater = rater_of(guesser)
    standing = RaterStanding.objects.get()
    assert standing.rater == rater
    assert standing.state == StandingState.QUARANTINED
    assert standing.decided_by is None
    signal = QualitySignal.objects.get(rater=rater, kind="sequential")
    assert signal.concern
    assert signal.statistic >= signal.threshold
    assert str(SEQUENTIAL.label) in standing.reason
    evidence = Preference.objects.filter(id__in=signal.evidence)
    assert {one.rater for one in evidence} == {rater}
    assert AuditEvent.objects.filter(action="standing.quarantined", actor=None).count() == 1
    assert rater.weight == 0
    states = set(Preference.objects.filter(rater=rater).values_list("state", flat=True))
    assert states == {PreferenceState.QUARANTINED}


def test_those_who_look_keep_their_weight_and_become_trusted(guesser: Contributor) -> None:
    look()
    for number in range(4):
        member = Contributor.objects.get(name=f"member {number}")
        assert member.trust_tier == TrustTier.TRUSTED
        assert rater_of(member).weight > 0.85
        assert not QualitySignal.objects.filter(rater__contributor=member, concern=True).exists()


def test_rankings_and_consensus_follow_and_lifting_restores(
    guesser: Contributor, olivia: Contributor
) -> None:
    before = sorted((row.model, row.n) for row in leaderboard().rows)
    look()
    assert sum(n for _, n in before) - sum(row.n for row in leaderboard().rows) == 2 * 60
    rater = rater_of(guesser)
    quarantine_set(rater=rater, state=StandingState.COUNTED, reason="A new interface", actor=olivia)
    assert sorted((row.model, row.n) for row in leaderboard().rows) == before
    assert rater_of(guesser).weight == pytest.approx(0.7)
    assert look() == 0  # a person decided
    quarantine_leave_to_rules(rater=rater, actor=olivia)
    assert look() == 1
    actions = AuditEvent.objects.filter(actor=olivia).values_list("action", flat=True)
    assert set(actions) == {"standing.counted", "standing.release"}


def test_what_was_published_leaves_and_comes_back_under_a_new_number(
    guesser: Contributor, settings: object
) -> None:
    settings.PUBLICATION_DELAY_SECONDS = 0  # type: ignore[attr-defined]
    judgments_publish()
    rater = rater_of(guesser)
    numbers = set(Preference.objects.filter(rater=rater).values_list("published_number", flat=True))
    assert None not in numbers
    quarantine_set(rater=rater, state=StandingState.QUARANTINED, reason="A bot", actor=None)
    assert Preference.objects.filter(rater=rater, removed_number=None).count() == 0
    quarantine_set(rater=rater, state=StandingState.COUNTED, reason="Not a bot", actor=None)
    judgments_publish()
    again = Preference.objects.filter(rater=rater, removed_number=None)
    assert again.count() == 60
    assert min(again.values_list("published_number", flat=True)) > max(numbers)  # type: ignore[type-var]
    assert set(again.values_list("first_number", flat=True)) == numbers


def test_what_comes_in_during_a_quarantine_goes_there_too(guesser: Contributor) -> None:
    look()
    judge(make_items(1)[0], guesser)
    assert Preference.objects.filter(rater__contributor=guesser, state="active").count() == 1
    look()
    assert not Preference.objects.filter(rater__contributor=guesser, state="active").exists()
    assert VoteTally.objects.filter(rater_kind="human").exists()


def test_the_person_is_told(guesser: Contributor) -> None:
    look()
    told = quarantine_of(guesser)
    assert told is not None
    assert told.state == StandingState.QUARANTINED
    assert told.reason
    assert quarantine_of(Contributor.objects.get(name="member 0")) is None


def test_a_reason_is_needed(guesser: Contributor, olivia: Contributor) -> None:
    with pytest.raises(ApplicationError, match="Say why"):
        quarantine_set(
            rater=rater_of(guesser), state=StandingState.QUARANTINED, reason=" ", actor=olivia
        )


def test_one_place_too_fast_and_the_same_words_are_concerns() -> None:
    items = make_items(60)
    crowd_judges(items)
    person = make_member("in a hurry")
    for number, item in enumerate(items):
        order = "ab" if number % 2 else "ba"
        first = "a" if order == "ab" else "b"
        judge(item, person, first, order_shown=order, duration_ms=300, rationale="It is better. ")
    look()
    found = {one.kind: one for one in QualitySignal.objects.filter(rater=rater_of(person))}
    for kind in ("position", "pace", "repeats"):
        assert found[kind].concern, kind
        assert len(found[kind].evidence) == 20
    assert found["position"].statistic == 1
    assert found["streak"].statistic == 60  # as long as one who favours a place may have
    assert not found["streak"].concern
    assert not found["ties"].concern
    assert RaterStanding.objects.get(rater=rater_of(person)).state == StandingState.QUARANTINED


def test_who_never_decides_is_a_concern_where_others_do() -> None:
    items = make_items(40)
    crowd_judges(items)
    person = make_member("undecided")
    for item in items:
        judge(item, person, "tie", order_shown="ab", duration_ms=20_000)
    look()
    assert QualitySignal.objects.get(rater=rater_of(person), kind="ties").concern


def test_few_judgments_are_not_looked_at() -> None:
    items = make_items(10)
    crowd_judges(items)
    look()
    assert not QualitySignal.objects.exists()
    assert not RaterStanding.objects.exists()
