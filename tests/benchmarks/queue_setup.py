"""What a measurement of the queue needs in its database; run as a process of its own.

    python -m tests.benchmarks.queue_setup fill --tasks 1000 --overlap 3 --people 50
    python -m tests.benchmarks.queue_setup expire --every 1

`fill` prints JSON: a campaign, and an API key and a session for each annotator. `expire` ends
leases as beat does, until it is killed.
"""

import argparse
import json
import time

import django

SLUG = "benchmark"


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["fill", "expire"])
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--overlap", type=int, default=3)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--every", type=float, default=1.0)
    arguments = parser.parse_args()
    django.setup()
    if arguments.command == "fill":
        print(json.dumps(fill(arguments.tasks, arguments.overlap, arguments.people)))
    else:
        expire(arguments.every)


def fill(tasks: int, overlap: int, people: int) -> dict[str, object]:
    """A campaign of so many tasks, and people who may work on it."""
    from feedback.campaigns.services import campaign_create
    from feedback.people.services import apikey_create, named_contributor_create
    from tests.benchmarks.pools import fill_comparisons

    fill_comparisons(tasks)
    campaign_create(slug=SLUG, overlap=overlap)
    annotators = [named_contributor_create(name=f"annotator {n}") for n in range(people)]
    scopes = ["tasks:work"]
    return {
        "campaign": SLUG,
        "keys": [apikey_create(contributor=c, name="bench", scopes=scopes) for c in annotators],
        "sessions": [session_of(c) for c in annotators],
    }


def session_of(contributor: object) -> str:
    """The key of a signed-in session."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    store = SessionStore()
    store[SESSION_KEY] = str(contributor.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = contributor.get_session_auth_hash()
    store.create()
    return str(store.session_key)


def expire(every: float) -> None:
    """End leases again and again."""
    from feedback.annotation.services import assignments_expire

    while True:
        assignments_expire()
        time.sleep(every)


if __name__ == "__main__":
    main()
