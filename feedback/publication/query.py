"""What someone wants of the pool: a shape, a format, filters, and where to go on from."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from feedback.errors import ApplicationError
from feedback.people.models import RaterKind

LIVE = "live"
SHAPES = ("preferences", "consensus", "trl", "unpaired", "votes", "outcomes")
FORMATS = {
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
}
FOLLOWED = ("preferences", "votes")  # shapes of one row a judgment, which `since` can follow


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportQuery:
    """One export. `since` is a publication number; rows up to `until` are given."""

    shape: str = "preferences"
    format: str = "jsonl"
    since: int | None = None
    until: int = 0
    topic: str = ""
    language: str = ""
    rater_kind: str = ""
    campaign: str = ""

    def parameters(self) -> dict[str, Any]:
        """What the statements of the shapes are filled with."""
        return {
            "since": self.since or 0,
            "until": self.until,
            "topic": self.topic,
            "language": self.language,
            "rater_kind": self.rater_kind,
            "campaign": self.campaign,
        }


def export_query(values: dict[str, str], until: int) -> ExportQuery:
    """A query from request parameters or options; errors name the field."""
    fields: dict[str, str] = {}
    shape, file_format = values.get("shape") or "preferences", values.get("format") or "jsonl"
    if shape not in SHAPES:
        fields["shape"] = _("One of %s.") % ", ".join(SHAPES)
    if file_format not in FORMATS:
        fields["format"] = _("One of %s.") % ", ".join(FORMATS)
    if values.get("rater_kind", "") not in ("", *RaterKind.values):
        fields["rater_kind"] = _("One of %s.") % ", ".join(RaterKind.values)
    since = values.get("since") or None
    if since is not None and not (since.isdecimal() and len(since) < 19):
        fields["since"] = _("A cursor from an earlier X-Next-Cursor.")
    elif since is not None and shape not in FOLLOWED:
        fields["since"] = _("Only these can be followed: %s.") % ", ".join(FOLLOWED)
    if (values.get("release") or LIVE) != LIVE:
        fields["release"] = _("Only live is exported by shape; a release has files of its own.")
    if fields:
        raise ApplicationError("invalid", _("This export is not possible."), fields=fields)
    return ExportQuery(
        shape=shape,
        format=file_format,
        since=None if since is None else int(since),
        until=until,
        topic=values.get("topic", ""),
        language=values.get("language", ""),
        rater_kind=values.get("rater_kind", ""),
        campaign=values.get("campaign", ""),
    )
