"""Who gives feedback, under which terms, and who did what."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from feedback.identifiers import Row, new_id, new_public_id


class Role(models.TextChoices):
    """What a contributor may do beyond contributing."""

    CONTRIBUTOR = "contributor"
    CURATOR = "curator"
    OPERATOR = "operator"
    ADMIN = "admin"


class TrustTier(models.IntegerChoices):
    """How much is known about a contributor; the lowest tier weighs little."""

    ANONYMOUS = 0
    REGISTERED = 1
    TRUSTED = 2


class Contributor(AbstractBaseUser):
    """A person, known by a pseudonym; `name` is only what they chose to be called."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=100, unique=True, null=True, blank=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.CONTRIBUTOR)
    trust_tier = models.SmallIntegerField(choices=TrustTier, default=TrustTier.ANONYMOUS)
    locale = models.CharField(max_length=16, default="en")
    expertise = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "public_id"

    def __str__(self) -> str:
        return self.name or self.public_id

    @property
    def is_operator(self) -> bool:
        """May watch and steer models, training and campaigns."""
        return self.role in {Role.OPERATOR, Role.ADMIN}


class RaterKind(models.TextChoices):
    """Who a judgment comes from."""

    HUMAN = "human"
    AI = "ai"


class Rater(Row):
    """One source of judgments: a contributor, an annotator of an import, or an AI judge."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(max_length=8, choices=RaterKind)
    contributor = models.OneToOneField(
        Contributor, on_delete=models.PROTECT, null=True, related_name="rater"
    )
    source = models.CharField(max_length=100, blank=True)
    label = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "label"],
                condition=Q(contributor=None),
                name="rater_source_label_unique",
            ),
            models.CheckConstraint(
                condition=Q(contributor=None) ^ Q(label=""),
                name="rater_is_a_contributor_or_has_a_label",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=RaterKind.values), name="rater_kind_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.label or self.public_id


class ConsentRecord(Row):
    """The terms someone agreed to; append-only, and each preference points at its own."""

    contributor = models.ForeignKey(Contributor, on_delete=models.PROTECT, related_name="consents")
    terms_version = models.CharField(max_length=32)
    licence = models.CharField(max_length=64)
    scope = ArrayField(models.CharField(max_length=16))

    def __str__(self) -> str:
        return f"{self.contributor} agreed to {self.terms_version}"


class ApiKey(Row):
    """A key of the REST API: only its digest is kept."""

    contributor = models.ForeignKey(Contributor, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    digest = models.BinaryField(max_length=32, unique=True)
    scopes = ArrayField(models.CharField(max_length=32))
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class OperatorLink(Row):
    """A link that makes one visitor the operator, once: only its digest is kept."""

    digest = models.BinaryField(max_length=32, unique=True)
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(Contributor, on_delete=models.SET_NULL, null=True)

    def __str__(self) -> str:
        return "used" if self.used_at else "open"


class AuditEvent(Row):
    """Who did what to what; append-only."""

    actor = models.ForeignKey(Contributor, on_delete=models.PROTECT, null=True)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
