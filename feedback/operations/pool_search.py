"""Find comparisons by the words of their prompts, a page at a time."""

import uuid

from django.contrib.postgres.search import SearchQuery
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.pool.models import Comparison, Preference, PreferenceState, Turn
from feedback.pool.search import CONFIG, prompt_words
from feedback.routing.prompt_vectors.store import turns_like

PAGE = 30
LIKE = 8  # prompts like one


def comparisons_found(text: str, before: uuid.UUID | None = None) -> list[Comparison]:
    """Return comparisons with texts whose prompt holds all these words, the newest first."""
    found = _listed()
    if text.strip():
        asked = SearchQuery(text, config=CONFIG, search_type="websearch")
        found = found.filter(turn__in=Turn.objects.alias(words=prompt_words()).filter(words=asked))
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found[:PAGE])


def comparison_get(public_id: str) -> Comparison:
    """Return one comparison with its texts and models, or raise NotFoundError."""
    message = _("There is no such comparison.")
    return get_or_not_found(_listed(), "no_such_comparison", message, public_id=public_id)


def judgments_of(comparison: Comparison) -> QuerySet[Preference]:
    """Return every judgment of a comparison, in any state, in the order they came."""
    return (
        Preference.objects.filter(comparison=comparison)
        .select_related("rater__contributor", "campaign")
        .order_by("created_at")
    )


def comparisons_like(comparison: Comparison) -> list[tuple[Comparison, float]]:
    """Return comparisons on prompts that mean about the same, nearest first, with similarities.

    Raises EncoderChangedError where the vectors there are cannot be compared.
    """
    near = {
        bytes(one.turn.content_hash): one.similarity for one in turns_like(comparison.turn, LIKE)
    }
    found = (
        Comparison.objects.in_circulation()
        .filter(response_a__isnull=False, turn__content_hash__in=near)
        .select_related("turn")
        .order_by("turn__content_hash", "id")
        .distinct("turn__content_hash")
    )
    rows = ((one, near[bytes(one.turn.content_hash)]) for one in found)
    return sorted(rows, key=lambda row: -row[1])


def _listed() -> QuerySet[Comparison]:
    active = Q(preferences__state=PreferenceState.ACTIVE)
    return (
        Comparison.objects.filter(response_a__isnull=False)
        .select_related(
            "turn",
            "response_a__turn",
            "response_b__turn",
            "response_a__version__model",
            "response_b__version__model",
            "consensus",
        )
        .annotate(judgments=Count("preferences", filter=active))
        .order_by("-id")
    )
