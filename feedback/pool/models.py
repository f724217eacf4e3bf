"""The tables of the pool, and what the database itself guarantees about them."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest, Least
from django.utils.translation import gettext_lazy as _

from feedback.identifiers import Row, new_public_id
from feedback.people.models import ConsentRecord, Contributor, Rater
from feedback.pool.querysets import PreferenceQuerySet, TextQuerySet
from feedback.pool.search import prompt_words
from feedback.registry.models import ModelVersion, Topic

REASON_LENGTH = 64  # characters of one reason of a judgment
STRENGTH_LIMIT = 1000  # a strength is below it


class Choice(models.TextChoices):
    """A judgment of two responses. Skipping and not being able to judge are not judgments."""

    A = "a", _("A better")
    B = "b", _("B better")
    TIE = "tie", _("About equal")
    BOTH_BAD = "both_bad", _("Both bad")


class Order(models.TextChoices):
    """Which response stood first on the screen."""

    AB = "ab"
    BA = "ba"


class Mode(models.TextChoices):
    """How a person talks with models: two compared without names, or one by name."""

    DUEL = "duel"
    ASSIST = "assist"


class Conversation(Row):
    """A person's exchange with models, or the frame of an imported prompt."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    contributor = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, null=True, related_name="conversations"
    )
    source = models.CharField(max_length=100)
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.DUEL, db_default=Mode.DUEL)
    revealed_at = models.DateTimeField(null=True)  # the contributor knows the names since then

    def __str__(self) -> str:
        return f"{self.source} {self.public_id}"


class Turn(Row):
    """A prompt: the messages up to and with the one that the responses answer.

    Imported votes know only a question's identifier: such a turn has no messages.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="turns")
    position = models.PositiveSmallIntegerField(default=0)
    messages = models.JSONField(default=list)
    question_id = models.CharField(max_length=200, blank=True)
    content_hash = models.BinaryField(max_length=32, db_index=True)
    import_key = models.BinaryField(max_length=32, null=True, unique=True)
    language = models.CharField(max_length=16, blank=True)
    withheld_at = models.DateTimeField(null=True)  # out of circulation since then
    topics = models.ManyToManyField(Topic, blank=True, related_name="turns")

    objects = TextQuerySet["Turn"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "position"], name="turn_position_unique"
            )
        ]
        indexes = [GinIndex(prompt_words(), name="turn_words")]

    def __str__(self) -> str:
        return f"turn {self.id}"


class ResponseState(models.TextChoices):
    """How far an answer has come."""

    WRITING = "writing"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


class Response(Row):
    """One model's answer to a turn; the version is unknown for some imports.

    `own_messages`: what this answer was given to, where the two answers of a turn saw different
    histories. Their comparison then names the two models and holds no texts, as there is no prompt
    that both texts answer. `flaw`: what was wrong with a try that was caught; another one may have
    come after it.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, related_name="responses")
    version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, related_name="responses"
    )
    sample_index = models.PositiveSmallIntegerField(default=0)
    own_messages = models.JSONField(null=True)
    text = models.TextField(blank=True)
    text_hash = models.BinaryField(max_length=32)
    source = models.CharField(max_length=100)
    licence = models.CharField(max_length=64, blank=True)
    sampling = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=ResponseState, default=ResponseState.FINISHED)
    writing_until = models.DateTimeField(null=True)  # a writer that dies loses its claim then
    completion_tokens = models.PositiveIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)  # from the question to the answer's end
    first_text_ms = models.PositiveIntegerField(null=True)  # to the first words of it
    error = models.TextField(blank=True)
    names_its_model = models.BooleanField(default=False)
    flaw = models.CharField(max_length=32, blank=True, default="", db_default="")
    withheld_at = models.DateTimeField(null=True)

    objects = TextQuerySet["Response"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["turn", "version", "sample_index"],
                condition=Q(version__isnull=False),
                name="response_sample_unique",
            ),
            # The target of the composite keys that keep a comparison inside one turn.
            models.UniqueConstraint(fields=["id", "turn"], name="response_id_turn_unique"),
        ]
        indexes = [
            models.Index(fields=["turn", "text_hash"]),
            models.Index(
                fields=["version", "-id"],
                include=["latency_ms"],
                condition=Q(latency_ms__isnull=False),
                name="response_timed",
            ),
            models.Index(fields=["version"], condition=~Q(flaw=""), name="response_flawed"),
        ]

    def __str__(self) -> str:
        return f"response {self.public_id}"

    @property
    def prompt(self) -> list[dict[str, str]]:
        """Return the messages that this is the answer to; the newest is the last."""
        messages: list[dict[str, str]] = self.own_messages or self.turn.messages
        return messages


class Outcome(Row):
    """A model's score in [0, 1] on a prompt, from a benchmark or a checker."""

    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, related_name="outcomes")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="outcomes")
    score = models.FloatField()
    source = models.CharField(max_length=100)
    licence = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["turn", "version", "source"], name="outcome_unique_in_its_source"
            ),
            models.CheckConstraint(
                condition=Q(score__gte=0, score__lte=1), name="outcome_score_in_0_1"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} scored {self.score}"


class ReactionKind(models.TextChoices):
    """Feedback on one answer alone."""

    THUMB = "thumb"
    EDIT = "edit"
    REGENERATE = "regenerate"
    COPY = "copy"


class Reaction(Row):
    """Implicit or unpaired feedback; kept apart from preferences."""

    response = models.ForeignKey(Response, on_delete=models.PROTECT, related_name="reactions")
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="reactions")
    kind = models.CharField(max_length=16, choices=ReactionKind)
    value = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} on {self.response_id}"


class Comparison(Row):
    """Two responses to one turn, or two models on a question whose texts are not known."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, related_name="comparisons")
    response_a = models.ForeignKey(Response, on_delete=models.PROTECT, null=True, related_name="+")
    response_b = models.ForeignKey(Response, on_delete=models.PROTECT, null=True, related_name="+")
    version_a = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, related_name="+"
    )
    version_b = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, related_name="+"
    )
    unranked_reason = models.CharField(max_length=32, blank=True)  # blank: counts in rankings
    withheld_at = models.DateTimeField(null=True)  # as long as its turn or a response of it is

    objects = TextQuerySet["Comparison"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Least(F("response_a"), F("response_b")),
                Greatest(F("response_a"), F("response_b")),
                name="comparison_unordered_pair_unique",
            ),
            models.UniqueConstraint(
                F("turn"),
                Least(F("version_a"), F("version_b")),
                Greatest(F("version_a"), F("version_b")),
                condition=Q(response_a__isnull=True),
                name="comparison_unordered_models_unique",
            ),
            models.CheckConstraint(
                condition=Q(response_a__isnull=True, response_b__isnull=True)
                | Q(response_a__isnull=False, response_b__isnull=False),
                name="comparison_has_both_responses_or_none",
            ),
            models.CheckConstraint(
                condition=~Q(response_a=F("response_b")), name="comparison_of_two_responses"
            ),
            models.CheckConstraint(
                condition=Q(response_a__isnull=False)
                | (
                    Q(version_a__isnull=False, version_b__isnull=False)
                    & ~Q(version_a=F("version_b"))
                ),
                name="comparison_without_texts_names_two_models",
            ),
        ]

    def __str__(self) -> str:
        return f"comparison {self.public_id}"


class OriginKind(models.TextChoices):
    """Why a comparison exists."""

    ARENA = "arena"
    CAMPAIGN = "campaign"
    IMPORT = "import"
    ACTIVE = "active"


class ComparisonOrigin(Row):
    """One of the ways in which a comparison came into the pool."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="origins")
    kind = models.CharField(max_length=16, choices=OriginKind)
    source = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["comparison", "kind", "source"], name="origin_unique")
        ]
        indexes = [models.Index(fields=["source"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.source}"


class PreferenceState(models.TextChoices):
    """Preferences are never edited: they leave the pool or are superseded."""

    ACTIVE = "active", _("Active")
    SUPERSEDED = "superseded", _("Superseded")
    QUARANTINED = "quarantined", _("Quarantined")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class RaterRole(models.TextChoices):
    """Whether the judge is the one who asked."""

    AUTHOR = "author"
    THIRD_PARTY = "third_party"


class Visibility(models.TextChoices):
    """Whether a judgment may be published."""

    PUBLIC = "public"
    PRIVATE = "private"


class Preference(Row):
    """One judgment of a comparison, append-only (`sql/preference_changes.sql`).

    `published_number` and `removed_number` come from one sequence, which `since` follows. What left
    because it was withheld may come back under a new number; `first_number` then keeps its first.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="preferences")
    rater = models.ForeignKey(Rater, on_delete=models.PROTECT, related_name="preferences")
    role = models.CharField(max_length=16, choices=RaterRole, default=RaterRole.THIRD_PARTY)
    choice = models.CharField(max_length=8, choices=Choice)
    strength = models.FloatField(null=True)
    aspects = models.JSONField(default=dict)
    confidence = models.FloatField(null=True)
    reasons = ArrayField(models.CharField(max_length=REASON_LENGTH), default=list)
    rationale = models.TextField(blank=True)
    order_shown = models.CharField(max_length=2, choices=Order, blank=True)
    duration_ms = models.PositiveIntegerField(null=True)
    source = models.CharField(max_length=100)
    campaign = models.ForeignKey("feedback.Campaign", on_delete=models.PROTECT, null=True)
    assignment = models.ForeignKey(
        "feedback.Assignment", on_delete=models.PROTECT, null=True, related_name="preferences"
    )
    consent = models.ForeignKey(ConsentRecord, on_delete=models.PROTECT, null=True)
    licence = models.CharField(max_length=64, blank=True)
    visibility = models.CharField(max_length=8, choices=Visibility, default=Visibility.PUBLIC)
    state = models.CharField(max_length=16, choices=PreferenceState, default=PreferenceState.ACTIVE)
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="superseded_by"
    )
    idempotency_key = models.CharField(max_length=100)
    request_digest = models.BinaryField(max_length=32)
    judged_at = models.DateTimeField()
    published_number = models.BigIntegerField(null=True, unique=True)
    removed_number = models.BigIntegerField(null=True, unique=True)
    first_number = models.BigIntegerField(null=True)

    objects = PreferenceQuerySet["Preference"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rater", "comparison"],
                condition=Q(state=PreferenceState.ACTIVE),
                name="preference_one_active_per_rater",
            ),
            models.UniqueConstraint(
                fields=["rater", "idempotency_key"], name="preference_idempotency_key_unique"
            ),
            models.UniqueConstraint(
                fields=["assignment"],
                condition=Q(state=PreferenceState.ACTIVE, assignment__isnull=False),
                name="preference_one_active_per_assignment",
            ),
            models.CheckConstraint(
                condition=Q(choice__in=Choice.values), name="preference_choice_is_known"
            ),
            models.CheckConstraint(
                condition=Q(strength__isnull=True)
                | Q(strength__gt=0, strength__lt=STRENGTH_LIMIT, choice__in=[Choice.A, Choice.B]),
                name="preference_strength_belongs_to_a_winner",
            ),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0, confidence__lte=1),
                name="preference_confidence_in_0_1",
            ),
            models.CheckConstraint(
                condition=Q(consent__isnull=False) | ~Q(licence=""),
                name="preference_has_a_consent_or_a_licence",
            ),
            models.CheckConstraint(
                condition=Q(removed_number__isnull=True) | Q(published_number__isnull=False),
                name="preference_removed_after_publication",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(published_number__isnull=True, state=PreferenceState.ACTIVE),
                name="preference_awaits_publication",
            ),
            models.Index(
                Coalesce(F("removed_number"), F("published_number")),
                condition=Q(published_number__isnull=False),
                name="preference_in_publication",
            ),
        ]

    def __str__(self) -> str:
        return f"preference {self.public_id}"
