"""The project package as a Django app, for its management commands and its queue."""

from importlib import import_module

from django.apps import AppConfig


class PlatformConfig(AppConfig):
    """Holds `manage.py up`; makes our Celery application the one that tasks go through."""

    name = "config"
    label = "config"

    def ready(self) -> None:
        """Create the Celery application in every process that uses Django."""
        import_module("config.celery")
