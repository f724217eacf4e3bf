"""`manage.py apikey_create NAME --scope S …`: a key of the REST API, shown once."""

from argparse import ArgumentParser
from typing import Any

from feedback.management.json_command import JsonCommand
from feedback.people.models import Contributor
from feedback.people.services import apikey_create, named_contributor_create
from feedback.people.terms import SCOPES


class Command(JsonCommand):
    """Make a key for a contributor, who is made, too, where there is none of that name."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whose key it is, and what it may do."""
        parser.add_argument("name", metavar="NAME", help="the contributor's name")
        parser.add_argument(
            "--scope",
            required=True,
            nargs="+",
            action="extend",
            metavar="S",
            help=", ".join(SCOPES),
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Make the key."""
        name = options["name"]
        known = Contributor.objects.filter(name=name).first()
        contributor = known or named_contributor_create(name=name)
        key = apikey_create(contributor=contributor, name="command line", scopes=options["scope"])
        return {"key": key}
