"""`manage.py threshold_create NAME --strong A --weak B --share 0.5`: two models under one name."""

from argparse import ArgumentParser
from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.routing.thresholds.selectors import version_labelled
from feedback.routing.thresholds.services import threshold_create


class Command(JsonCommand):
    """Print the threshold, null where no embedding could calibrate it yet."""

    help = "Let a threshold choose between a strong and a weak model; see docs/routing.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the name, the two models, and the share of prompts for the strong one."""
        parser.add_argument("name")
        parser.add_argument("--strong", required=True, help="the label of a model version")
        parser.add_argument("--weak", required=True, help="the label of a model version")
        parser.add_argument("--share", type=float, default=0.5, help="0.05 to 0.95 (0.5)")

    def run(self, **options: Any) -> dict[str, Any]:
        """Create and, where an embedding is live, calibrate."""
        made = threshold_create(
            name=options["name"],
            strong=version_labelled("strong", options["strong"]),
            weak=version_labelled("weak", options["weak"]),
            share=options["share"],
            actor=None,
        )
        return {
            "name": made.name,
            "strong": made.strong.label,
            "weak": made.weak.label,
            "share": made.share,
            "threshold": made.threshold,
            "prompts": made.prompts,
        }
