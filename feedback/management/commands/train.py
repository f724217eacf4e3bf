"""`manage.py train KIND [--wait] [--set key=value …]`: queue a run, or follow it to its end."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from feedback.errors import InvalidError
from feedback.management.json_command import JsonCommand
from feedback.training.models import Kind, RunState, TrainingRun
from feedback.training.selectors import run_find
from feedback.training.serializers import RunSerializer
from feedback.training.services import run_request

POLL_SECONDS = 0.5
SILENCE_SECONDS = 8.0


class Command(JsonCommand):
    """Prints the run as JSON; with `--wait` the finished one, and exit status 1 if it failed."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to train, with which settings, and whether to wait."""
        parser.add_argument("kind", help=f"one of {', '.join(Kind.values)}")
        parser.add_argument("--wait", action="store_true", help="follow the run to its end")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--set",
            nargs="+",
            action="extend",
            default=[],
            metavar="key=value",
            help="settings of the trainer; `python -m trainers KIND --help` lists them",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Queue, wait, report."""
        config = dict(map(_assignment, options["set"]))
        seed = _seed(config.pop("seed", options["seed"]))
        run = run_request(kind=options["kind"], config=config, seed=seed)
        run = run_find(run.id)
        if options["wait"]:
            run = self._follow(run)
        body: dict[str, Any] = RunSerializer(run).data
        if run.state == RunState.FAILED:
            self.stdout.write(json.dumps(body, ensure_ascii=False))
            raise CommandError(run.error, returncode=1)
        return body

    def _follow(self, run: TrainingRun) -> TrainingRun:
        """Poll the row; progress and silence go to standard error."""
        said, asked = "", time.monotonic()
        while run.is_unfinished:
            words = f"run {run.number}: {run.state} {run.phase} {run.progress:.0%}"
            if words != said:
                self.stderr.write(words)
                said = words
            if run.state == RunState.QUEUED and time.monotonic() - asked > SILENCE_SECONDS:
                self.stderr.write("No worker has taken it yet. Is one running (`make run`)?")
                asked = float("inf")
            time.sleep(POLL_SECONDS)
            run = run_find(run.id)
        return run


def _assignment(text: str) -> tuple[str, str]:
    """Return a setting and its value, which is read when the run is asked for."""
    key, equals, value = text.partition("=")
    if not equals:
        raise InvalidError({"--set": f"{text} is not of the form key=value."})
    return key, value


def _seed(given: str | int) -> int:
    try:
        return int(given)
    except ValueError:
        raise InvalidError({"seed": f"{given!r} is not an integer"}) from None
