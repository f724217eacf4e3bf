"""Every Celery task of the app, imported where Celery looks for them."""

from feedback.annotation import tasks as annotation

__all__ = ["annotation"]
