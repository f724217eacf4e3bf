"""The registry of checks of raters: one place for each, and what pages, docs and the rules read."""

import numpy as np
import pytest

from feedback.quality.checks import CHECKS
from feedback.quality.checks.base import improbable
from feedback.quality.checks.reference import checks_table
from feedback.quality.checks.streak import longest_run, streak_limit
from feedback.quality.judgments import judgments_load
from feedback.quality.models import QualitySignal
from tests.conftest import ROOT


def test_the_documentation_has_the_table_of_the_registry() -> None:
    assert checks_table() in (ROOT / "docs" / "quality.md").read_text()


def test_every_check_says_what_it_is() -> None:
    for kind, check in CHECKS.items():
        assert check.kind == kind
        assert str(check.measured).endswith(".")
        assert check.minimum > 0
    stored = QualitySignal._meta.get_field("kind")
    assert dict(stored.flatchoices) == {kind: check.label for kind, check in CHECKS.items()}


@pytest.mark.django_db
def test_without_judgments_nothing_is_found() -> None:
    judgments = judgments_load()
    for check in CHECKS.values():
        assert list(check.findings(judgments)) == []


def test_a_share_is_improbable_by_how_far_it_is_and_of_how_many() -> None:
    assert not improbable(1000, 0.4, 0.5)
    assert not improbable(20, 0.75, 0.5)
    assert improbable(200, 0.75, 0.5)
    assert improbable(20, 1.0, 0.5)
    assert improbable(20, 1.0, 0.0)


def test_the_longest_run_and_how_long_it_may_be() -> None:
    values = np.array([0, 1, 1, 1, 0, 0])
    assert longest_run(values) == (1, 3)
    assert longest_run(np.array([2])) == (0, 1)
    balanced = np.tile([0, 1], 50)
    assert streak_limit(balanced, 15) > 15
    assert streak_limit(np.tile([0, 1, 2, 3], 5), 15) == 15
    assert streak_limit(np.zeros(100, dtype=int), 15) > 100
