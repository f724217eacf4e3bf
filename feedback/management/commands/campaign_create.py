"""`manage.py campaign_create --slug S --overlap N`: comparisons to be labelled."""

from argparse import ArgumentParser
from typing import Any

from feedback.campaigns.services import campaign_create
from feedback.hybrid.services import labels_route
from feedback.management.json_command import JsonCommand


class Command(JsonCommand):
    """Make a campaign and its tasks."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is to be labelled, how often and by how many people."""
        parser.add_argument("--slug", required=True)
        parser.add_argument("--overlap", type=int, required=True, help="judgments a comparison")
        parser.add_argument("--aspects", default="", help="separated by commas")
        parser.add_argument("--human-budget", type=int, help="human judgments to spend")
        parser.add_argument("--source", default="", help="only comparisons from here")
        parser.add_argument("--name", default="")

    def run(self, **options: Any) -> dict[str, Any]:
        """Make it; with a budget, decide at once who is asked."""
        campaign, tasks = campaign_create(
            slug=options["slug"],
            overlap=options["overlap"],
            aspects=[part.strip() for part in options["aspects"].split(",") if part.strip()],
            human_budget=options["human_budget"],
            source=options["source"],
            name=options["name"],
        )
        labels_route(campaign=campaign)
        return {"slug": campaign.slug, "tasks": tasks}
