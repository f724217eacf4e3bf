"""Topics lie inside one another: what asks for one means those above and below it, too."""

import uuid
from collections.abc import Sequence

from django.db import connection
from django.utils.text import slugify
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from feedback.errors import InvalidError
from feedback.registry.models import Topic

RELATED = """
WITH RECURSIVE below(id) AS (
  SELECT id FROM feedback_topic WHERE slug = ANY(%(slugs)s)
  UNION SELECT t.id FROM feedback_topic t JOIN below b ON t.parent_id = b.id
), above(id, parent_id) AS (
  SELECT id, parent_id FROM feedback_topic WHERE slug = ANY(%(slugs)s)
  UNION SELECT t.id, t.parent_id FROM feedback_topic t JOIN above a ON a.parent_id = t.id
)
SELECT id FROM below UNION SELECT id FROM above
"""


def topics_related(slugs: Sequence[str]) -> set[uuid.UUID]:
    """Return these topics, all that lie inside them, and all that they lie inside.

    A model of medicine serves a question of cardiology, and a model of cardiology one of medicine.
    """
    with connection.cursor() as cursor:
        cursor.execute(RELATED, {"slugs": list(slugs)})
        return {row[0] for row in cursor.fetchall()}


def topics_check(slugs: Sequence[str]) -> None:
    """Raise InvalidError that names the topics that there are not."""
    known = set(Topic.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    if unknown := sorted(set(slugs) - known):
        words = _("There is no topic %(names)s.") % {"names": ", ".join(unknown)}
        raise InvalidError({"topics": words}, words)


def language_slugs(code: str) -> set[str]:
    """Return the slugs that a topic of a language may have: its code, and its English name."""
    try:
        return {code, slugify(get_language_info(code)["name"])}
    except KeyError:
        return {code}
