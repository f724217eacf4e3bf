"""Language models and how to reach them."""

from django.db import models
from django.db.models import Q

from feedback.identifiers import Row


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


class Provider(Row):
    """Something that serves models. Its key stays in the environment, never here."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=16, choices=ProviderKind)
    base_url = models.URLField(blank=True)
    api_key_variable = models.CharField(max_length=100, blank=True)

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


class VersionState(models.TextChoices):
    """Whether people can meet a version now."""

    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"


class ModelVersion(Row):
    """One immutable version of a model: what was asked when it answered."""

    model = models.ForeignKey(LanguageModel, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=32)
    label = models.CharField(
        max_length=240, unique=True
    )  # the model's name, "name v2" from the second
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True)
    remote_name = models.CharField(max_length=300, blank=True)
    sampling = models.JSONField(default=dict)
    base = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="derived")
    output_licence = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=16, choices=VersionState, default=VersionState.ACTIVE)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "version"], name="version_unique_in_its_model")
        ]

    def __str__(self) -> str:
        return self.label
