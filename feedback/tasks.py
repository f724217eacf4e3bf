"""Every Celery task of the app, imported where Celery looks for them."""

from feedback.annotation import tasks as annotation
from feedback.hybrid import tasks as hybrid
from feedback.people import tasks as people
from feedback.publication import tasks as publication
from feedback.quality import tasks as quality
from feedback.ranking import tasks as ranking
from feedback.registry import tasks as registry
from feedback.routing import tasks as routing
from feedback.training import tasks as training

__all__ = [
    "annotation",
    "hybrid",
    "people",
    "publication",
    "quality",
    "ranking",
    "registry",
    "routing",
    "training",
]
