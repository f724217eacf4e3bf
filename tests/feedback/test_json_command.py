"""Commands for scripts, where there is no database: one line, at once, and exit status 1."""

import os
import subprocess
import sys
import time

import pytest
from django.core.management import CommandError, call_command

from config.supervisor.plan import any_port
from feedback.management.json_command import NO_DATABASE
from tests.conftest import ROOT


@pytest.mark.parametrize(
    "words",
    [
        ("import_data", "file.jsonl", "--format", "preferences"),
        ("export_data", "file.jsonl", "--shape", "trl"),
        ("train", "ranking"),
        ("prepare",),
        ("starter_load",),
        ("route", "--prompt", "Hello"),
    ],
)
@pytest.mark.parametrize("address", ["", "postgresql://127.0.0.1:{port}/pool"])
def test_without_a_database_a_command_asks_at_once_whether_the_site_runs(
    settings, words: tuple[str, ...], address: str
) -> None:
    settings.DATABASE_URL = address.format(port=any_port())
    began = time.monotonic()
    with pytest.raises(CommandError) as caught:
        call_command(*words)
    assert time.monotonic() - began < 1
    assert caught.value.returncode == 1
    assert str(caught.value).startswith(NO_DATABASE)
    assert "\n" not in str(caught.value)
    assert ("Connection refused" in str(caught.value)) == bool(address)


def test_on_a_terminal_that_is_all_it_says(tmp_path) -> None:
    environment = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "train", "ranking"],
        env=environment | {"DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"CommandError: {NO_DATABASE}\n"
