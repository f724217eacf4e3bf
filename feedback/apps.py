"""The one Django app of the product."""

from importlib import import_module

from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    """One app, one migration history; its packages are the domains."""

    name = "feedback"
    label = "feedback"

    def ready(self) -> None:
        """Let the API's schema know how callers show who they are."""
        import_module("feedback.people.openapi")
