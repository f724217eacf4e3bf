"""One checkout, used from outside: its Python, its environment, its commands."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

UNREACHABLE = "http://127.0.0.1:9"  # the port `discard`: nothing listens, so nothing is measured


class CommandFailedError(Exception):
    """A command of the checkout ended with another status than 0."""

    def __init__(self, words: list[str], status: int, errors: str) -> None:
        self.status = status
        self.errors = errors
        super().__init__(f"{' '.join(words)[:300]}: exit status {status}\n{errors[-3000:]}")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A source tree at `root`; `work` is the temporary folder of everything that it writes."""

    root: Path
    work: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> str:
        """Return the interpreter of the checkout's own environment, or else this one."""
        own = self.root / ".venv" / "bin" / "python"
        return str(own) if own.exists() else sys.executable

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of its processes.

        Nothing of the caller's own settings is passed on. One thread: the order in which floating
        point numbers are added is then the same on every machine.
        """
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join([str(self.root / "platform"), str(self.root)]),
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "DATA_DIR": str(self.work / "data"),
            "TRAINERS_CACHE": str(self.work / "cache"),
            "CELERY_BROKER_URL": "memory://",
            "INFERENCE_URL": UNREACHABLE,
            "LOG_LEVEL": "WARNING",
            **self.variables,
        }

    def run(self, *words: str) -> str:
        """Run a command of its interpreter and return its standard output.

        Raises CommandFailedError where its exit status is not 0.
        """
        command = [self.python, *words]
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailedError(command, done.returncode, done.stderr)
        return done.stdout

    def manage(self, *words: str) -> str:
        """Run a management command and return what it printed."""
        return self.run("manage.py", *words)

    def shell(self, script: str) -> Any:
        """Run Python in the shell of `manage.py` and return the JSON that it printed last."""
        return json.loads(self.manage("shell", "-c", script).splitlines()[-1])
