"""`manage.py apikey_create NAME --scope S …`: a key of the REST API, shown once."""

from argparse import ArgumentParser
from typing import Any

from feedback.errors import NotFoundError
from feedback.management.json_command import JsonCommand
from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.people.terms import SCOPES


class Command(JsonCommand):
    """Make a key for a contributor."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose key, and what it may do."""
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
        contributor = Contributor.objects.filter(name=options["name"]).first()
        if contributor is None:
            raise NotFoundError(
                "no_contributor", f"There is no contributor named {options['name']!r}."
            )
        key = apikey_create(contributor=contributor, name="command line", scopes=options["scope"])
        return {"key": key}
