"""Who gives feedback, under which terms, and who did what."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from feedback.identifiers import NAME_LETTERS, Row, new_id, new_public_id


class Role(models.TextChoices):
    """What a contributor may do beyond contributing."""

    CONTRIBUTOR = "contributor", _("Contributor")
    CURATOR = "curator", _("Curator")
    OPERATOR = "operator", _("Operator")
    ADMIN = "admin", _("Admin")


class TrustTier(models.IntegerChoices):
    """How much is known about a contributor; the lowest tier weighs little."""

    ANONYMOUS = 0, _("Anonymous")
    REGISTERED = 1, _("Registered")
    TRUSTED = 2, _("Trusted")


# What one judgment counts for. Reliability is measured apart from this; the tier stands for what
# it cannot see, how cheap another identity is: a cleared cookie is free, so three of those weigh
# less than one person with a record; a verified address costs a little; a record costs work.
TIER_WEIGHT = {TrustTier.ANONYMOUS: 0.3, TrustTier.REGISTERED: 0.7, TrustTier.TRUSTED: 1.0}


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
    # An anonymous contributor whose browser signed in to an account: the account looks after it.
    adopted_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="adopted"
    )

    objects = BaseUserManager()

    USERNAME_FIELD = "public_id"

    def __str__(self) -> str:
        return self.name or self.public_id

    @property
    def is_operator(self) -> bool:
        """Say whether they may watch and steer models, training and campaigns."""
        return self.role in {Role.OPERATOR, Role.ADMIN}

    @property
    def is_curator(self) -> bool:
        """Say whether they may decide what stays in circulation; operators may, too."""
        return self.role == Role.CURATOR or self.is_operator


class RaterKind(models.TextChoices):
    """Who a judgment comes from."""

    HUMAN = "human", _("Human")
    AI = "ai", _("AI")


class Rater(Row):
    """One source of judgments: a contributor, an annotator of an import, or an AI judge."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(max_length=8, choices=RaterKind)
    contributor = models.OneToOneField(
        Contributor, on_delete=models.PROTECT, null=True, related_name="rater"
    )
    source = models.CharField(max_length=100, blank=True)
    label = models.CharField(max_length=200, blank=True)
    reliability = models.FloatField(default=1.0)
    weight = models.FloatField(default=1.0)  # what a judgment counts: the tier's by reliability

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(reliability__gte=0, reliability__lte=1, weight__gte=0, weight__lte=1),
                name="rater_weight_in_0_1",
            ),
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


class Invitation(Row):
    """A link that gives its first visitor a role and a trust tier: only its digest is kept."""

    digest = models.BinaryField(max_length=32, unique=True)
    role = models.CharField(max_length=16, choices=Role, default=Role.CONTRIBUTOR)
    trust_tier = models.SmallIntegerField(choices=TrustTier, default=TrustTier.REGISTERED)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        Contributor, on_delete=models.SET_NULL, null=True, related_name="invitations"
    )
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(
        Contributor, on_delete=models.SET_NULL, null=True, related_name="invited_with"
    )

    def __str__(self) -> str:
        return f"{self.role}, {self.state}"

    @property
    def state(self) -> str:
        """Return `used`, `revoked`, `expired` or `open`."""
        if self.used_at:
            return "used"
        if self.revoked_at:
            return "revoked"
        if self.expires_at and self.expires_at <= timezone.now():
            return "expired"
        return "open"


class AuditEvent(Row):
    """Who did what to what; append-only."""

    actor = models.ForeignKey(Contributor, on_delete=models.PROTECT, null=True)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=NAME_LETTERS)
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class CacheEntry(models.Model):
    """A value of the cache that all processes share; see `cache`. A crash empties the table."""

    key = models.TextField(primary_key=True)
    value = models.JSONField()
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key


class RateLimit(models.Model):
    """When everything taken under a key is paid off; see `limits`. A crash empties the table."""

    key = models.TextField(primary_key=True)
    paid_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key
