"""The one Django app of the product."""

from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    """One app, one migration history; its packages are the domains."""

    name = "feedback"
    label = "feedback"
