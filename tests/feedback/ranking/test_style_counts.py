"""Vote counts by style: Python counts the same, and the sums are those of the judgments."""

import random

import numpy as np
import pytest
from django.db import connection

from feedback.campaigns.models import Campaign, GoldItem
from feedback.people.models import Rater, TrustTier
from feedback.people.services import tier_set
from feedback.pool.models import Comparison
from feedback.ranking.models import StyleTally
from feedback.ranking.selectors import BoardFilters, pair_counts
from feedback.ranking.services import style_counts_compact
from feedback.ranking.style_control import styled_counts
from feedback.registry.models import ModelVersion, Topic
from tests.feedback.builders import (
    judge,
    make_contributor,
    make_response,
    make_turn,
    make_version,
    withdraw,
)
from trainers.data.style import relative_difference, style_counts
from trainers.ranking.styled_counts import StyledCounts, cells, moments

ALL = BoardFilters(topic_id=None, rater_kind="")

pytestmark = pytest.mark.django_db

PIECES = [
    "# heading\n", "#", "##\t", "####### seven\n", "**", "**bold**", "***", "* item\n", "- ", "-",
    "+ x\n", "• y\n", "1. ", "12) z\n", "1234. no\n", "\n", "\r\n", "\t", " ", "a", "é", "中文",
    "😀", "٣. ", "\u2028", "\x0b", "\\", "'", "0", "\u00a0- x",
]  # fmt: skip


def texts() -> list[str]:
    chance = random.Random(5)
    made = ["".join(chance.choices(PIECES, k=chance.randint(0, 40))) for _ in range(3000)]
    return [*made, "x" * 100_003, "\n- a" * 30_000, "**a" * 50_000]


def test_the_database_counts_a_text_as_python_does() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT feedback_style(t) FROM unnest(%s::text[]) t", [made := texts()])
        found = [tuple(row[0]) for row in cursor.fetchall()]
    assert found == [style_counts(text) for text in made]


def pair(a: ModelVersion, b: ModelVersion, first: str, second: str, topic: str = "") -> Comparison:
    turn = make_turn()
    if topic:
        turn.topics.add(Topic.objects.get_or_create(slug=topic, name=topic)[0])
    one, two = make_response(turn, a, first), make_response(turn, b, second)
    return Comparison.objects.create(
        turn=turn, response_a=one, response_b=two, version_a=a, version_b=b
    )


def sums(styled: StyledCounts) -> tuple[np.ndarray, ...]:
    """What does not depend on how rows are cut: weights, and the weighted moments with a sign."""
    weight = styled.counts.count
    mean = weight[:, None] * styled.mean
    return weight.sum(), abs(mean).sum(axis=0), (weight[:, None, None] * styled.spread).sum(axis=0)


LONG = "# Title\n\n" + "- an item with **bold** words\n" * 5
SHORT = "Yes."


def test_a_judgment_is_summed_up_from_either_side() -> None:
    a, b, alice = make_version("A"), make_version("B"), make_contributor()
    judge(pair(a, b, LONG, SHORT), alice, "a")
    judge(pair(b, a, SHORT, LONG), alice, "b")
    found = styled_counts(ALL)
    f = relative_difference(*(np.array([style_counts(text)], float) for text in (LONG, SHORT)))
    sign = 1 if found.counts.models[found.counts.first[0]] == "A" else -1
    np.testing.assert_allclose(found.mean, sign * f)
    np.testing.assert_allclose(found.spread, 0, atol=1e-12)
    assert (found.counts.n.tolist(), found.texts) == ([2], 2)
    low_first = StyleTally.objects.first()
    assert low_first is not None
    assert low_first.cell == cells(sign * f)[0]
    np.testing.assert_allclose(low_first.moments, 0.3 * moments(sign * f)[0])


def test_judgments_without_texts_differ_in_nothing() -> None:
    a, b = make_version("A"), make_version("B")
    comparison = Comparison.objects.create(turn=make_turn(), version_a=a, version_b=b)
    judge(comparison, make_contributor(), "a")
    found = styled_counts(ALL)
    assert (found.counts.n.sum(), found.texts) == (1, 0)
    assert not found.mean.any()


def test_what_changes_later_leaves_the_sums_of_what_is_there() -> None:
    """Superseded, withdrawn, weighed anew, made a known answer: as if only the rest had been."""
    a, b = make_version("A"), make_version("B")
    alice, bob, carol = make_contributor(), make_contributor(), make_contributor()
    judge(pair(a, b, LONG, SHORT, "law"), alice, "a")
    first = judge(comparison := pair(a, b, SHORT, LONG), bob, "a")
    judge(comparison, bob, "tie", supersedes=first)
    gone = judge(pair(b, a, LONG, LONG + SHORT), carol, "b")
    tier_set(contributor=bob, tier=TrustTier.TRUSTED, reason="test")
    withdraw(gone, carol)
    assert rebuilt() == kept()
    style_counts_compact()
    assert rebuilt() == kept()
    assert StyleTally.objects.count() == 3  # one of law, two of all topics
    assert styled_counts(ALL).counts.n.sum() == pair_counts().n.sum() == 2


def test_known_answers_do_not_count_for_style_either() -> None:
    from feedback.pool.judgment import Judgment
    from feedback.pool.services import Provenance, preference_record

    campaign = Campaign.objects.create(slug="gold", name="Gold")
    comparison = pair(make_version(), make_version(), LONG, SHORT)
    preference_record(
        comparison=comparison,
        rater_id=Rater.objects.get(contributor=make_contributor()).pk,
        judgment=Judgment(choice="a"),
        idempotency_key="once",
        provenance=Provenance(source="test", licence="CC0-1.0", campaign_id=campaign.id),
    )
    assert styled_counts(ALL).texts == 1
    gold = GoldItem.objects.create(campaign=campaign, comparison=comparison, choice="a")
    assert styled_counts(ALL).texts == 0
    gold.delete()
    assert styled_counts(ALL).texts == 1
    assert rebuilt() == kept()


def kept() -> list[tuple[object, ...]]:
    return _summed("feedback_styletally")


def rebuilt() -> list[tuple[object, ...]]:
    """The sums as one statement makes them of the judgments that are active now."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE before ON COMMIT DROP AS TABLE feedback_styletally")
        cursor.execute("DELETE FROM feedback_styletally")
        cursor.execute(
            "SELECT feedback_style_add(array_agg(id), array_agg(1), array_agg(weight),"
            " array_agg(weight * weight)) FROM feedback_ranked_judgment WHERE state = 'active'"
        )
        found = _summed("feedback_styletally")
        cursor.execute("DELETE FROM feedback_styletally")
        cursor.execute("INSERT INTO feedback_styletally SELECT * FROM before")
        cursor.execute("DROP TABLE before")
    return found


def _summed(table: str) -> list[tuple[object, ...]]:
    parts = ", ".join(f"round(sum(moments[{place}])::numeric, 9)" for place in range(1, 15))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version_low_id, version_high_id, outcome, rater_kind, topic_id, cell, sum(n),"
            f" round(sum(weight)::numeric, 9), round(sum(square)::numeric, 9), {parts}"
            f" FROM {table} GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(n) <> 0 ORDER BY 1, 2, 3, 4, 5, 6"
        )
        return list(cursor.fetchall())
