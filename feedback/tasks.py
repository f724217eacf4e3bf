"""Every Celery task of the app, imported where Celery looks for them."""

from feedback.annotation import tasks as annotation
from feedback.publication import tasks as publication
from feedback.ranking import tasks as ranking
from feedback.training import tasks as training

__all__ = ["annotation", "publication", "ranking", "training"]
