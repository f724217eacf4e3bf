"""Vote counts, which rankings read, and what is computed from them ahead of time."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from feedback.identifiers import NAME_LETTERS, Row
from feedback.people.models import RaterKind
from feedback.registry.models import ModelVersion, Topic
from trainers.ranking.styled_counts import MOMENTS


class VoteTally(models.Model):
    """How many judgments of a kind a pair of versions has and what they weigh.

    Triggers write it (`sql/vote_counts.sql`). Rows are increments (negative when a judgment leaves
    the pool), so that two people who judge the same pair never wait for each other. A beat task
    compacts them. `outcome` is seen from `version_low`, the smaller key; `topic` is empty in
    the row that counts all topics.
    """

    version_low = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    version_high = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    outcome = models.CharField(max_length=8)  # low, high, tie, both_bad
    rater_kind = models.CharField(max_length=8, choices=RaterKind)
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, null=True, related_name="+")
    n = models.IntegerField()
    weight = models.FloatField(default=0.0)  # the sum of their raters' weights
    square = models.FloatField(default=0.0)  # the sum of the squares of those

    class Meta:
        indexes = [models.Index(fields=["topic", "rater_kind"])]

    def __str__(self) -> str:
        return f"{self.n} × {self.outcome}"


class StyleTally(models.Model):
    """The same judgments by style too, which control for style reads (`sql/style_counts.sql`).

    `cell`: of the style of the two texts (`trainers.ranking.styled_counts`), empty without texts.
    `moments`: the sums, weighted, of how the texts differ, low less high, and of the products.
    """

    version_low = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    version_high = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    outcome = models.CharField(max_length=8)  # low, high, tie, both_bad
    rater_kind = models.CharField(max_length=8, choices=RaterKind)
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, null=True, related_name="+")
    cell = models.SmallIntegerField(null=True)
    n = models.IntegerField()
    weight = models.FloatField()
    square = models.FloatField()
    moments = ArrayField(models.FloatField(), size=MOMENTS)

    class Meta:
        indexes = [models.Index(fields=["topic", "rater_kind"], name="style_tally_board")]

    def __str__(self) -> str:
        return f"{self.n} × {self.outcome} in cell {self.cell}"


class StyledBoard(Row):
    """A board with style held equal that takes too long to rate while somebody waits.

    `newest`: the last row of the counts it was rated from.
    """

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, null=True, related_name="+")
    rater_kind = models.CharField(max_length=8, blank=True)
    board = models.JSONField()
    newest = models.BigIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["topic", "rater_kind"], name="styled_board_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.topic or 'all topics'} {self.rater_kind}".strip()


class RankingCheck(Row):
    """What speaks for or against the ranking of all judgments; the newest row is valid.

    `report`: the `bootstrap`, `transitivity` and `elo` of `trainers.ranking.checks`.
    """

    judgments = models.PositiveIntegerField()
    report = models.JSONField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"of {self.judgments} judgments"


class Influence(Row):
    """How few judgments would change who is first, were they dropped; the newest row is valid.

    `dropped` of `judgments` make `challenger` at least level with `leader`; it is empty where no
    half of them does. `cells` says which: `[{"low", "high", "outcome", "kind", "count"}]`.
    """

    leader = models.CharField(max_length=NAME_LETTERS)
    challenger = models.CharField(max_length=NAME_LETTERS, blank=True)
    dropped = models.PositiveIntegerField(null=True)
    judgments = models.PositiveIntegerField()
    cells = models.JSONField(default=list)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.dropped} of {self.judgments} judgments"
