"""Releases: immutable versions of the pool."""

from django.db import models

from feedback.identifiers import Row


class Release(Row):
    """An immutable version of the pool: only a retraction may be added (`sql/`)."""

    version = models.CharField(max_length=32, unique=True)
    digest = models.CharField(max_length=64)
    last_number = models.BigIntegerField()  # everything published up to this number
    files = models.JSONField()
    counts = models.JSONField()
    licences = models.JSONField()
    note = models.TextField(blank=True)
    retracted_at = models.DateTimeField(null=True)
    retraction_reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.version
