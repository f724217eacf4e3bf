"""The starter pool: what a new site shows before anyone has used it."""

import tomllib
from pathlib import Path
from typing import Any

from django.db import transaction

import feedback.pool.starter as starter_package
from feedback.campaigns.models import Campaign
from feedback.campaigns.services import campaign_create
from feedback.hybrid.services import judges_register, labels_route
from feedback.people.models import AuditEvent
from feedback.people.services import audit_record
from feedback.pool.importing.report import ImportReport
from feedback.pool.importing.services import ImportFile, file_import
from feedback.pool.lifecycle import judgments_publish
from feedback.quality.services import consensus_refresh
from feedback.registry.models import LanguageModel, Topic
from trainers.progress import Progress

SOURCE = "starter"
CAMPAIGN = "starter"
HUMAN_BUDGET = 300
FOLDER = Path(starter_package.__file__).parent
FILES = (
    ("responses.jsonl", "responses"),
    ("judgments.jsonl.gz", "preferences"),
    ("outcomes.jsonl", "outcomes"),
)
LOADED = "starter.load"


def starter_was_loaded() -> bool:
    """Return whether this site had the starter pool before, though it may have been removed."""
    return AuditEvent.objects.filter(action=LOADED).exists()


def starter_load(*, progress: Progress | None = None) -> dict[str, Any]:
    """Load the starter pool, all of it or nothing; what is there already is left alone.

    It is published and weighed at once: the first page that somebody opens has something to show.
    """
    with transaction.atomic():
        reports = [_import(name, form, progress) for name, form in FILES]
        judges_register()
        _describe_models()
        tasks = _campaign_ensure()
        audit_record(actor=None, action=LOADED, subject=SOURCE)
    judgments_publish()
    consensus_refresh()
    created: dict[str, int] = {}
    for report in reports:
        for table, n in report.created.items():
            created[table] = created.get(table, 0) + n
    return {
        "created": {table: n for table, n in created.items() if n},
        "duplicates": sum(report.duplicates for report in reports),
        "tasks": tasks,
    }


def _import(name: str, form: str, progress: Progress | None) -> ImportReport:
    file = ImportFile(path=FOLDER / name, format=form, source=SOURCE)
    return file_import(file=file, strict=True, progress=progress)


def _describe_models() -> None:
    document = tomllib.loads((FOLDER / "models.toml").read_text(encoding="utf-8"))
    for entry in document["models"]:
        model = LanguageModel.objects.filter(slug=entry["slug"]).first()
        if model is not None and not model.description:
            model.description = entry["description"]
            model.save(update_fields=["description"])
            model.topics.add(*Topic.objects.filter(slug__in=entry["topics"]))


def _campaign_ensure() -> int:
    """Create a campaign over the starter pool's pairs; return how many tasks are new."""
    if Campaign.objects.filter(slug=CAMPAIGN).exists():
        return 0
    campaign, tasks = campaign_create(
        slug=CAMPAIGN, name="House models", human_budget=HUMAN_BUDGET, source=SOURCE
    )
    labels_route(campaign=campaign)
    return tasks
