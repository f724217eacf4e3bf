"""Filters of campaigns and tasks that several domains share; the models are defined with them."""

from typing import Self, TypeVar

from django.db import models
from django.db.models import F

M = TypeVar("M", bound=models.Model)


class CampaignQuerySet(models.QuerySet[M]):
    """Campaigns by what they do now."""

    def open(self) -> Self:
        """Keep the campaigns that hand out tasks."""
        return self.filter(state="open")

    def with_budget(self) -> Self:
        """Keep the campaigns whose human judgments are rationed."""
        return self.filter(human_budget__isnull=False)


class TaskQuerySet(models.QuerySet[M]):
    """Tasks by what they are for."""

    def without_gold(self) -> Self:
        """Keep the tasks that ask for a judgment; gold items measure who judges."""
        return self.filter(is_gold=False)

    def waiting(self) -> Self:
        """Keep the tasks that people will meet: judgments are wanted, texts in circulation."""
        wanted = self.without_gold().filter(taken__lt=F("wanted"))
        return wanted.filter(comparison__withheld_at=None)
