"""Filters of the pool that several domains share; the models are defined with them."""

from typing import Self, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


class TextQuerySet(models.QuerySet[M]):
    """Rows of texts that a curator can take out of circulation."""

    def in_circulation(self) -> Self:
        """Keep what may be displayed, judged, trained on and published."""
        return self.filter(withheld_at=None)


class PreferenceQuerySet(models.QuerySet[M]):
    """Judgments by their state and their publication; `pool.lifecycle` says what these mean."""

    def active(self) -> Self:
        """Keep the judgments that count."""
        return self.filter(state="active")

    def not_withdrawn(self) -> Self:
        """Keep the judgments that their givers have left in the pool."""
        return self.exclude(state="withdrawn")

    def current(self) -> Self:
        """Keep the judgments that no later one of their givers has replaced."""
        return self.exclude(state="superseded")

    def published(self) -> Self:
        """Keep the judgments in the live export."""
        return self.filter(published_number__isnull=False, removed_number=None)

    def waiting(self) -> Self:
        """Keep the judgments that become public when their delay has passed."""
        return self.filter(published_number=None, state="active", visibility="public")
