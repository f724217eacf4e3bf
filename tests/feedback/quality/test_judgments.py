"""Judgments as arrays: the columns say what the rows say."""

import numpy as np
import pytest

from feedback.people.models import TIER_WEIGHT, TrustTier
from feedback.pool.models import Preference, PreferenceState
from feedback.quality.judgments import NONE, judgments_load
from tests.feedback.builders import judge, make_comparison, make_version
from tests.feedback.quality.people import make_member

pytestmark = pytest.mark.django_db


def test_the_columns_of_a_judgment() -> None:
    a, b = sorted((make_version(), make_version()), key=lambda version: version.id)
    one, two = make_member("one"), make_member("two", TrustTier.TRUSTED)
    there, back = make_comparison(version_a=a, version_b=b), make_comparison(None, b, a)
    first = judge(there, one, "a", order_shown="ba", duration_ms=9000, rationale="Better. ")
    last = judge(back, two, "b", order_shown="ab", rationale=" better.", aspects={"kind": "tie"})
    judge(there, two, "tie")
    found = judgments_load()
    assert [key.decode() for key in found.keys[:2]] == [str(first.id), str(last.id)]
    assert found.comparison_ids == [str(there.id), str(back.id)]
    assert found.comparison.tolist() == [0, 1, 0]
    assert found.rater.tolist() == [0, 1, 1]
    assert found.choice.tolist() == [0, 1, 2]
    assert found.outcome.tolist() == [0, 0, 2]  # the same model won twice
    assert len(set(found.pair.tolist())) == 1
    assert found.displayed.tolist() == [1, 1, NONE]
    assert np.isfinite(found.pace).tolist() == [True, False, False]
    assert found.rationale.tolist() == [0, 0, NONE]
    assert found.gold.tolist() == [NONE] * 3
    assert [column.tolist() for column in found.aspects.of("kind")] == [[1], [2]]
    assert found.raters.tier_weight.tolist() == [
        TIER_WEIGHT[TrustTier.REGISTERED],
        TIER_WEIGHT[TrustTier.TRUSTED],
    ]
    newest = [Preference.objects.latest("id").created_at, last.created_at]
    assert found.newest() == newest


def test_what_is_left_of_some_is_numbered_anew() -> None:
    people = [make_member(name) for name in ("one", "two")]
    comparisons = [make_comparison() for _ in range(3)]
    for number, comparison in enumerate(comparisons):
        judge(comparison, people[number % 2], "b", aspects={"kind": "a"})
    Preference.objects.filter(comparison=comparisons[0]).update(state=PreferenceState.QUARANTINED)
    found = judgments_load()
    assert found.active.tolist() == [False, True, True]
    left = found.active_only()
    assert left.comparison_ids == [str(each.id) for each in comparisons[1:]]
    assert (left.comparison.tolist(), left.rater.tolist()) == ([0, 1], [1, 0])
    assert [column.tolist() for column in left.aspects.of("kind")] == [[0, 1], [0, 0]]
    assert [own.tolist() for _, own in left.by_rater()] == [[1], [0]]


def test_nothing_is_nothing() -> None:
    found = judgments_load()
    assert len(found) == len(found.active_only()) == 0
    assert list(found.by_rater()) == []
    assert found.newest() == []
