"""`manage.py model_probe LABEL`: ask a model the calibration prompts, for its first vector."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError

from feedback.management.json_command import JsonCommand
from feedback.registry.models import ModelVersion
from feedback.routing.calibration_prompts.asking import prompts_ask, prompts_missing
from feedback.routing.calibration_prompts.vectors import first_vectors_write

HOUR = 3600.0


class Command(JsonCommand):
    """Print `{"model", "answers", "missing", "vectors"}`."""

    help = "Ask a model version the calibration prompts that it has not answered yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the label of the version."""
        parser.add_argument("label", help='the version\'s label, such as "Mathstral v2"')

    def run(self, **options: Any) -> dict[str, Any]:
        """Ask now, whatever the schedule says."""
        versions = ModelVersion.objects.select_related("provider")
        version = versions.filter(label=options["label"]).first()
        if version is None:
            raise CommandError(f"There is no model version {options['label']!r}.")
        answers = prompts_ask(version, seconds=HOUR)
        return {
            "model": version.label,
            "answers": answers,
            "missing": len(prompts_missing(version)),
            "vectors": first_vectors_write(),
        }
