"""The commands of `python -m trainers`, run in this process: no interpreter starts, torch is there.

A few tests of each command still start a process of its own; the others ask what it would print.
"""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from trainers.commands.main import main


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a command left: its exit status and its output."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The lines of its output; the command must have worked."""
        assert self.returncode == 0, self.stderr
        return [json.loads(line) for line in self.stdout.splitlines()]


def run(*arguments: object) -> Done:
    """Run a command as `python -m trainers` does."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as ended:  # of the parser of arguments
            status = int(ended.code or 0)
    return Done(returncode=status, stdout=out.getvalue(), stderr=err.getvalue())
