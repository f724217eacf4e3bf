"""One row, or an error that says there is none."""

from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Model, QuerySet

from feedback.errors import NotFoundError

M = TypeVar("M", bound=Model)


def get_or_not_found(rows: QuerySet[M], code: str, message: str, **lookup: Any) -> M:
    """Return the one row of `rows` that fits `lookup`.

    Raises NotFoundError with `code` (for programs) and `message` (for people) where there is none,
    a malformed key included: whoever sends one learns no more than that nothing is there.
    """
    try:
        return rows.get(**lookup)
    except (ObjectDoesNotExist, ValidationError, ValueError):
        raise NotFoundError(code, message) from None
