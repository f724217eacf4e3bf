"""Torch stays out of the web and Celery processes; `make check` sees to the layers."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

HEAVY = ("torch", "transformers", "peft")
REPORT = f"; import sys; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
TORCH_FREE = (
    "data.formats",
    "data.snapshot",
    "artifacts",
    "statistics.consensus",
    "ranking",
    "model_vectors.scorer",
    "off_policy.paired",
)


def task_modules() -> Iterator[str]:
    for path in sorted((ROOT / "feedback").rglob("*.py")):
        if path.stem == "tasks" or path.parent.name == "tasks":
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def python(code: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": paths, "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


PROCESSES = {
    "web": "import config.asgi, config.urls",
    "celery": "import config.celery; config.celery.app.loader.import_default_modules()",
    "tasks": "; ".join(["pass", *(f"import {name}" for name in task_modules())]),
    "trainers, as feedback uses them": "; ".join(f"import trainers.{name}" for name in TORCH_FREE),
}


@pytest.mark.parametrize("code", PROCESSES.values(), ids=PROCESSES)
def test_a_process_of_the_site_does_not_import_torch(code: str) -> None:
    done = python(f"import django; django.setup(); {code}{REPORT}")
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["[]"]), done.stderr


def test_the_check_would_see_torch() -> None:
    assert python("import torch" + REPORT).stdout.splitlines() == ["['torch']"]
