"""`manage.py model_probe LABEL`: ask a model the calibration prompts, for its first vector."""

from argparse import ArgumentParser
from typing import Any

from feedback.database.lookup import get_or_not_found
from feedback.management.json_command import JsonCommand
from feedback.registry.models import ModelVersion
from feedback.routing.calibration_prompts.asking import prompts_ask, prompts_missing
from feedback.routing.calibration_prompts.vectors import first_vectors_write

HOUR = 3600.0


class Command(JsonCommand):
    """Print `{"model", "answers", "missing", "vectors"}`."""

    help = "Ask a model version the calibration prompts that it has not answered yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take which version."""
        parser.add_argument("label", help='the version\'s label, such as "Mathstral v2"')

    def run(self, **options: Any) -> dict[str, Any]:
        """Ask now, whatever the schedule says."""
        versions = ModelVersion.objects.select_related("provider")
        message = f"There is no model version {options['label']!r}."
        version = get_or_not_found(versions, "no_such_version", message, label=options["label"])
        answers = prompts_ask(version, seconds=HOUR)
        return {
            "model": version.label,
            "answers": answers,
            "missing": len(prompts_missing(version)),
            "vectors": first_vectors_write(),
        }
