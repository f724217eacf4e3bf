"""`manage.py campaign_create --slug S --overlap N`: comparisons to be labelled."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from feedback.campaigns.models import TaskOrder
from feedback.campaigns.services import DEFAULT_GUIDELINES, campaign_create
from feedback.database.lookup import get_or_not_found
from feedback.errors import ApplicationError
from feedback.hybrid.services import labels_route
from feedback.management.json_command import JsonCommand
from feedback.people.models import TrustTier
from feedback.registry.models import Topic


class Command(JsonCommand):
    """Make a campaign and its tasks."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what is to be labelled, how often and by how many people."""
        parser.add_argument("--slug", required=True)
        parser.add_argument("--overlap", type=int, required=True, help="judgments a comparison")
        parser.add_argument("--human-budget", type=int, help="human judgments to spend")
        parser.add_argument("--source", default="", help="only comparisons from here")
        parser.add_argument("--topic", help="only comparisons of this topic, by its slug")
        parser.add_argument("--language", default="", help="only prompts in this language")
        parser.add_argument("--name", default="")
        parser.add_argument("--guidelines", type=Path, help="a Markdown file")
        parser.add_argument("--order", choices=TaskOrder.values, default=TaskOrder.SHUFFLED)
        parser.add_argument("--aspects", default="", help="separated by commas")
        parser.add_argument("--reasons", default="", help="to tick, separated by commas")
        parser.add_argument(
            "--asks",
            help="strength, rationale, both separated by a comma, or nothing; "
            "both where there are aspects or reasons",
        )
        parser.add_argument("--expertise", default="", help="wanted, separated by commas")
        parser.add_argument(
            "--minimum-tier", type=int, choices=TrustTier.values, default=TrustTier.ANONYMOUS
        )
        parser.add_argument("--gold-share", type=float, default=0.1, help="from 0 to 1")

    def run(self, **options: Any) -> dict[str, Any]:
        """Create it; with a budget, decide at once who is asked."""
        aspects, reasons = _words(options["aspects"]), _words(options["reasons"])
        asked = {"strength", "rationale"} if aspects or reasons else set()
        if options["asks"] is not None:
            asked = set(_words(options["asks"]))
        campaign, tasks = campaign_create(
            slug=options["slug"],
            overlap=options["overlap"],
            human_budget=options["human_budget"],
            source=options["source"],
            topic=_topic(options["topic"]),
            language=options["language"],
            name=options["name"],
            guidelines=_guidelines(options["guidelines"]),
            order=options["order"],
            aspects=aspects,
            reasons=reasons,
            asks_strength="strength" in asked,
            asks_rationale="rationale" in asked,
            expertise=_words(options["expertise"]),
            minimum_tier=options["minimum_tier"],
            gold_share=options["gold_share"],
        )
        labels_route(campaign=campaign)
        return {"slug": campaign.slug, "tasks": tasks}


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _guidelines(file: Path | None) -> str:
    try:
        return file.read_text(encoding="utf-8") if file else DEFAULT_GUIDELINES
    except (OSError, UnicodeDecodeError) as error:
        raise ApplicationError("guidelines", f"{file} cannot be read: {error}") from error


def _topic(slug: str | None) -> Topic | None:
    if slug is None:
        return None
    message = f"There is no topic {slug!r}."
    return get_or_not_found(Topic.objects.all(), "unknown_topic", message, slug=slug)
