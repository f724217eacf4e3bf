"""Brings the database up to date: migrations, schedules, a starter pool and a way in at first.

Runs in its own process, once per start: `python -m config.supervisor.prepare`.
"""

import sys

import django
from django.conf import settings
from django.core.management import call_command

LINK_FILE = "operator-link"


def main() -> None:
    """Prepare the database; leave the first operator's link where the supervisor picks it up."""
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("schedules_ensure", stdout=sys.stderr)
    call_command("starter_load", "--once", stdout=sys.stderr)
    _offer_operator_link()


def _offer_operator_link() -> None:
    from feedback.people.invitations.services import invitation_create
    from feedback.people.models import Contributor, Role

    if not Contributor.objects.filter(role=Role.OPERATOR).exists():
        path = settings.DATA_DIR / LINK_FILE
        path.touch(mode=0o600)
        path.write_text(invitation_create(role=Role.OPERATOR))


if __name__ == "__main__":
    main()
