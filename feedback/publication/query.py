"""An export as somebody asks for it: parameters of a request or options of a command."""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext as _

from feedback.errors import refuse_problems
from feedback.people.models import RaterKind
from feedback.publication.encoding import ENCODERS
from feedback.publication.shapes import SHAPES
from feedback.publication.shapes.base import FILTERS, ExportQuery

LIVE = "live"


def export_query(values: Mapping[str, str], until: int) -> ExportQuery:
    """Return the export that is asked for; rows up to the number `until` are given.

    Raises InvalidError with every field that cannot be.
    """
    shape, file_format = values.get("shape") or "preferences", values.get("format") or "jsonl"
    since = values.get("since") or None
    refuse_problems(
        {
            "shape": _not_among(shape, SHAPES),
            "format": _not_among(file_format, ENCODERS),
            "rater_kind": _not_among(values.get("rater_kind", ""), ["", *RaterKind.values]),
            "since": "" if since is None else _since_problem(since, shape),
            "release": _release_problem(values.get("release") or LIVE),
        },
        _("This export is not possible."),
    )
    return ExportQuery(
        shape=shape,
        format=file_format,
        since=None if since is None else int(since),
        until=until,
        **{name: values.get(name, "") for name in FILTERS},
    )


def _not_among(value: str, known: Iterable[str]) -> str:
    known = list(known)
    return "" if value in known else _("One of %s.") % ", ".join(filter(None, known))


def _since_problem(since: str, shape: str) -> str:
    if not (since.isdecimal() and len(since) < 19):
        return _("A cursor from an earlier X-Next-Cursor.")
    if shape in SHAPES and SHAPES[shape].can_follow:
        return ""
    followed = (each.name for each in SHAPES.values() if each.can_follow)
    return _("Only these can be followed: %s.") % ", ".join(followed)


def _release_problem(release: str) -> str:
    if release == LIVE:
        return ""
    return _("Only live is exported by shape; a release has files of its own.")
