"""`manage.py import_data PATH --format F`: public data into the pool."""

import time
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from feedback.campaigns.models import Campaign
from feedback.campaigns.selectors import campaign_by_slug
from feedback.campaigns.services import tasks_add
from feedback.hybrid.services import judges_register, labels_route
from feedback.management.json_command import JsonCommand
from feedback.pool.importing.services import ImportFile, OnComparisons, file_import
from trainers.data.formats import FORMATS
from trainers.progress import Progress


class Command(JsonCommand):
    """Import a file of preferences, responses or outcomes."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, what it is, and where its rows belong."""
        parser.add_argument("path", type=Path, metavar="PATH", help="a file, or a hub name")
        parser.add_argument("--format", required=True, help=", ".join(FORMATS))
        parser.add_argument(
            "--profile", type=Path, help="a TOML file, or the name of a shipped one"
        )
        parser.add_argument("--source", help="where the data are from, unless rows say so")
        parser.add_argument("--campaign", metavar="SLUG", help="put the pairs into this campaign")
        parser.add_argument("--limit", type=int, help="read this many rows")
        parser.add_argument("--strict", action="store_true", help="a bad row stops the import")

    def run(self, **options: Any) -> dict[str, Any]:
        """Import; `skipped` counts judgments and rows by reason."""
        started = time.monotonic()
        slug = options["campaign"]
        campaign = None if slug is None else campaign_by_slug(slug)
        file = ImportFile(
            **{key: options[key] for key in ("path", "format", "profile", "source", "limit")}
        )
        report = file_import(
            file=file,
            strict=options["strict"],
            on_comparisons=None if campaign is None else _into(campaign),
            progress=Progress(),
        )
        judges_register()
        if campaign is not None:
            labels_route(campaign=campaign)
        return {
            "format": file.format,
            "read": report.read,
            "created": {table: n for table, n in report.created.items() if n},
            "duplicates": report.duplicates,
            "skipped": dict(report.skipped),
            "seconds": round(time.monotonic() - started, 3),
        }


def _into(campaign: Campaign) -> OnComparisons:
    def add(comparisons: Sequence[UUID]) -> None:
        tasks_add(campaign=campaign, comparisons=comparisons)

    return add
