"""The names of policies."""

from django.db import models


class PolicyName(models.TextChoices):
    """`auto` explores where two models are compared and serves the best where one answers.

    The name of a threshold is a policy, too.
    """

    AUTO = "auto"
    BEST = "best"
    EXPLORE = "explore"
