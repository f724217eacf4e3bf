"""What a trainer is told by the process that starts it."""

import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from feedback.training.execution.child import trainer_run

TELL = """
import json
from trainers.places import models_folder
print(json.dumps({'in': str(models_folder())}))
"""


def test_a_trainer_looks_for_checkpoints_where_the_site_keeps_them(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATA_DIR")
    monkeypatch.delenv("TRAINERS_MODELS")
    settings.DATA_DIR = tmp_path / "site"
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{TELL}"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    ended = trainer_run([], on_line=print, on_tick=lambda: None)
    assert ended.report == {"in": str(tmp_path / "site" / "models")}
