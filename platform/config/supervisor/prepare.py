"""Prepare the site for `manage.py up`: the database, and at first a starter pool and a way in.

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
    from feedback.operations.preparation import site_prepare  # needs the settings

    prepared = site_prepare()
    call_command("starter_load", "--once", stdout=sys.stderr)
    if prepared.invitation is not None:
        path = settings.DATA_DIR / LINK_FILE
        path.touch(mode=0o600)
        path.write_text(prepared.invitation)


if __name__ == "__main__":
    main()
