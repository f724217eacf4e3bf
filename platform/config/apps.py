"""The project package as a Django app, for its management commands."""

from django.apps import AppConfig


class PlatformConfig(AppConfig):
    """Holds `manage.py up`."""

    name = "config"
    label = "config"
