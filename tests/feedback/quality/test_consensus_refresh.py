"""The consensus of all judgments, kept up to date in the database."""

from pathlib import Path

import numpy as np
import pytest

from feedback.people.models import RaterKind
from feedback.pool.models import Preference
from feedback.quality.judgments import judgments_load
from feedback.quality.models import Consensus, RaterReliability
from feedback.quality.selectors import consensus_is_stale
from feedback.quality.services import consensus_refresh
from tests.feedback.builders import judge, make_comparison, make_contributor, withdraw
from tests.feedback.importing.files import import_file
from trainers.statistics.consensus import CLASSES, dawid_skene

pytestmark = pytest.mark.django_db


def test_each_comparison_gets_the_posterior_of_its_judgments() -> None:
    comparison = make_comparison()
    for choice in "aaab":
        judge(comparison, make_contributor(), choice)
    assert consensus_refresh() == 1
    found = Consensus.objects.get()
    assert found.comparison == comparison
    assert found.p_a > 0.5 > found.p_b
    assert (found.n_human, found.n_ai) == (4, 0)
    assert RaterReliability.objects.count() == 4


def test_nothing_is_done_where_nothing_changed() -> None:
    judge(make_comparison(), make_contributor())
    consensus_refresh()
    written = Consensus.objects.get().updated_at
    assert not consensus_is_stale()
    assert consensus_refresh() == 0
    assert consensus_refresh(even_if_current=True) == 0
    assert Consensus.objects.get().updated_at == written


def test_a_change_of_mind_is_noticed() -> None:
    comparison, rater = make_comparison(), make_contributor()
    first = judge(comparison, rater, "a")
    consensus_refresh()
    judge(comparison, rater, "b", supersedes=first)
    assert consensus_is_stale()
    assert consensus_refresh() == 1
    found = Consensus.objects.get()
    assert found.p_b > found.p_a
    assert not consensus_is_stale()


def test_what_is_withdrawn_leaves_the_consensus() -> None:
    contributor = make_contributor()
    preference = judge(make_comparison(), contributor)
    consensus_refresh()
    withdraw(preference, contributor)
    assert consensus_is_stale()
    assert consensus_refresh() == 1
    assert not Consensus.objects.exists()
    assert not RaterReliability.objects.exists()


def test_an_empty_pool_has_no_consensus() -> None:
    assert not consensus_is_stale()
    assert consensus_refresh(even_if_current=True) == 0


def test_rows_hold_what_the_method_gives_on_real_votes(shared_data: Path) -> None:
    for name in ("llmfao_pairs", "llmfao_votes"):
        import_file(shared_data / f"{name}.parquet", profile=Path(name), limit=600)
    consensus_refresh()
    judgments = judgments_load()
    expected = dawid_skene(
        judgments.comparison,
        judgments.rater,
        judgments.choice,
        n_items=len(judgments.comparison_ids),
        rater_groups=judgments.raters.group,
    )
    comparisons = {key: number for number, key in enumerate(judgments.comparison_ids)}
    raters = {key: number for number, key in enumerate(judgments.raters.ids)}
    for row in Consensus.objects.all():
        stored = [getattr(row, f"p_{choice}") for choice in CLASSES]
        found = expected.posteriors[comparisons[str(row.comparison_id)]]
        np.testing.assert_allclose(stored, found, atol=1e-12)
        kinds = Preference.objects.filter(comparison=row.comparison_id, rater__kind=RaterKind.AI)
        assert row.n_ai == kinds.count()
    for row in RaterReliability.objects.all():
        found = expected.reliabilities[raters[str(row.rater_id)]]
        assert row.accuracy == pytest.approx(found)
