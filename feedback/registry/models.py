"""Language models and how to reach them."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from feedback.identifiers import NAME_LETTERS, Row


class Topic(Row):
    """A speciality or a language; topics may lie inside another."""

    slug = models.SlugField(max_length=100, unique=True, allow_unicode=True)
    name = models.CharField(max_length=200)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")

    def __str__(self) -> str:
        return self.name


class ProviderKind(models.TextChoices):
    """How a provider answers."""

    REPLAY = "replay"  # recorded responses from the pool
    OPENAI = "openai"  # any server that speaks the OpenAI-compatible HTTP API
    INFERENCE = "inference"  # our own inference server, by setting CHAT_URL


LIVE_KINDS = (ProviderKind.INFERENCE, ProviderKind.OPENAI)  # these answer anything


class VersionState(models.TextChoices):
    """Whether people can meet a version, or what a provider serves, now: an operator's decision."""

    ACTIVE = "active", _("Active")
    PAUSED = "paused", _("Paused")
    RETIRED = "retired", _("Retired")


class Health(models.Model):
    """How the last calls went; `feedback.registry.health` writes these and nobody else."""

    failures = models.PositiveIntegerField(default=0)  # one after another, since the last answer
    failing_since = models.DateTimeField(null=True)
    resting_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
    last_error_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class ProviderQuerySet(models.QuerySet["Provider"]):
    """Filters of providers that several modules share."""

    def live(self) -> Self:
        """Keep those that a server stands behind."""
        return self.filter(kind__in=LIVE_KINDS)


class VersionQuerySet(models.QuerySet["ModelVersion"]):
    """Filters of versions that several modules share."""

    def served(self) -> Self:
        """Keep those that a server stands behind, whether or not it is well."""
        return self.filter(provider__kind__in=LIVE_KINDS)


class Provider(Row, Health):
    """Something that serves models. Its key stays in the environment, never here."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=16, choices=ProviderKind)
    base_url = models.URLField(blank=True)
    api_key_variable = models.CharField(max_length=100, blank=True)
    requests_per_minute = models.PositiveIntegerField(null=True)  # none: as many as there are
    state = models.CharField(max_length=16, choices=VersionState, default=VersionState.ACTIVE)

    objects = ProviderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind=ProviderKind.OPENAI) | ~Q(base_url=""),
                name="provider_openai_has_a_base_url",
            )
        ]

    def __str__(self) -> str:
        return self.name


class LanguageModel(Row):
    """A specialised model under one name, through all its versions."""

    slug = models.SlugField(max_length=120, unique=True, allow_unicode=True)
    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    topics = models.ManyToManyField(Topic, blank=True, related_name="models")

    def __str__(self) -> str:
        return self.name


class ModelVersion(Row, Health):
    """One version of a model: what was asked when it answered.

    Once it has answered, what was asked stays as it is (`pool/sql/answered_versions.sql`); a change
    is a new version.
    """

    model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=32)
    label = models.CharField(
        max_length=NAME_LETTERS, unique=True
    )  # the model's name, "name v2" from the second
    provider = models.ForeignKey(
        Provider, on_delete=models.PROTECT, null=True, related_name="versions"
    )
    remote_name = models.CharField(max_length=300, blank=True)
    system_prompt = models.TextField(blank=True)
    sampling = models.JSONField(default=dict)
    base = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="derived")
    output_licence = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=16, choices=VersionState, default=VersionState.ACTIVE)
    # What a million tokens cost, in the site's currency; none: nobody has said.
    input_price = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    output_price = models.DecimalField(max_digits=12, decimal_places=4, null=True)

    objects = VersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(input_price=None) | Q(input_price__gte=0))
                & (Q(output_price=None) | Q(output_price__gte=0)),
                name="version_prices_not_negative",
            ),
            models.UniqueConstraint(
                fields=["model", "version"], name="version_unique_in_its_model"
            ),
        ]

    def __str__(self) -> str:
        return self.label
