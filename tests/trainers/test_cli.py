"""`python -m trainers`: output, exit status, and how its processes end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.trainers.command_line import Done, run

ROOT = Path(__file__).resolve().parents[2]


def process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trainers", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def last_json(done: subprocess.CompletedProcess[str] | Done) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def arena_rows(count: int) -> Iterator[dict[str, Any]]:
    """Votes of a league in which the earlier name wins two times in three."""
    names = ["ada", "bob", "eve"]
    for number in range(count):
        a, b = names[number % 3], names[(number + 1) % 3]
        better = "model_a" if a < b else "model_b"
        worse = "model_b" if a < b else "model_a"
        yield {
            "question_id": f"q{number}",
            "model_a": a,
            "model_b": b,
            "winner": better if number % 9 < 6 else worse,
        }


def write_votes(path: Path, count: int = 90) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in arena_rows(count)))
    return path


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    votes, out = write_votes(tmp_path / "votes.jsonl"), tmp_path / "snapshot"
    last_json(run("snapshot", "--from", votes, "--format", "arena", "--out", out))
    return out


def test_snapshot_prints_its_counts_and_what_it_skipped(tmp_path: Path) -> None:
    votes = write_votes(tmp_path / "votes.jsonl")
    with votes.open("a") as file:
        file.write("broken\n")
    found = last_json(
        process("snapshot", "--from", votes, "--format", "arena", "--out", tmp_path / "s")
    )
    assert set(found) == {"kind", "artifact", "digest", "seconds", "metrics"}
    assert (found["kind"], found["artifact"]) == ("snapshot", str(tmp_path / "s"))
    assert found["metrics"]["preferences"] == 90
    assert found["metrics"]["consensus"] == 90
    assert found["metrics"]["skipped"] == {"broken JSON": 1}
    manifest = json.loads((tmp_path / "s" / "manifest.json").read_text())
    assert manifest["digest"] == found["digest"]


def test_ranking_writes_an_artifact_whose_metrics_are_its_models(
    snapshot: Path, tmp_path: Path
) -> None:
    found = last_json(run("ranking", "--snapshot", snapshot, "--out", tmp_path / "ranking"))
    assert found["kind"] == "ranking"
    models = found["metrics"]["models"]
    assert [row["model"] for row in models] == ["ada", "bob", "eve"]
    assert set(models[0]) == {
        "model",
        "rating",
        "ci_low",
        "ci_high",
        "rank_low",
        "rank_high",
        "n",
    }
    card = json.loads((tmp_path / "ranking" / "card.json").read_text())
    assert card["metrics"] == found["metrics"]
    assert card["snapshot_digest"] == json.loads((snapshot / "manifest.json").read_text())["digest"]


def test_the_same_snapshot_gives_the_same_ranking(snapshot: Path, tmp_path: Path) -> None:
    first, second = (
        last_json(run("ranking", "--snapshot", snapshot, "--out", tmp_path / name))
        for name in ("one", "two")
    )
    assert first["digest"] == second["digest"]


def test_evaluate_says_how_well_a_ranking_foretells(snapshot: Path, tmp_path: Path) -> None:
    artifact = tmp_path / "ranking"
    last_json(run("ranking", "--snapshot", snapshot, "--out", artifact))
    done = process("evaluate", "--artifact", artifact, "--snapshot", snapshot)
    metrics = last_json(done)["metrics"]
    assert metrics["n"] == 90
    assert metrics["log_loss"] < 0.6931
    low, high = metrics["log_loss_ci"]
    assert low < metrics["log_loss"] < high


def test_progress_goes_to_standard_error_alone(snapshot: Path, tmp_path: Path) -> None:
    done = process("ranking", "--snapshot", snapshot, "--out", tmp_path / "r")
    assert len(done.stdout.splitlines()) == 1
    reported = [json.loads(line) for line in done.stderr.splitlines()]
    assert reported[-1]["progress"] == 1.0


def test_settings_come_from_a_file_and_from_the_command_line(
    snapshot: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('rater_kind = "ai"\nseed = 3\n')
    out = tmp_path / "r"
    done = run(
        *("ranking", "--snapshot", snapshot, "--out", out, "--config", config),
        *("--set", "rater_kind=human", "seed=4"),
    )
    last_json(done)
    card = json.loads((out / "card.json").read_text())
    assert card["config"] == {"rater_kind": "human", "seed": 4}
    assert card["seed"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "sead=3"], "--set sead: unknown setting; did you mean seed?"),
        (["--set", "seed=three"], "--set seed: 'three' is not an integer"),
        (["--set", "seed"], "not of the form name=value"),
        (["--set", "rater_kind=cat"], "is not one of any, human, ai"),
        (["--config", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["--set", "rater_kind=ai"], "holds no judgment by ai raters"),
    ],
)
def test_unusable_settings_end_with_status_2_and_leave_nothing(
    snapshot: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = run("ranking", "--snapshot", snapshot, "--out", tmp_path / "r", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert not list(tmp_path.glob("r*"))


def test_unusable_files_end_with_status_2_and_their_names(tmp_path: Path) -> None:
    broken = tmp_path / "rows.parquet"
    broken.write_bytes(b"PAR1")
    lacking = tmp_path / "rows.jsonl"
    lacking.write_text('{"model_a": "x", "winner": "tie"}\n')
    out = tmp_path / "s"
    cases = [
        (("snapshot", "--from", broken, "--format", "arena", "--out", out), "rows.parquet"),
        (("snapshot", "--from", lacking, "--format", "arena", "--out", out), "column 'model_b'"),
        (("snapshot", "--from", lacking, "--format", "odd", "--out", out), "invalid choice"),
        (("ranking", "--snapshot", tmp_path, "--out", out), "manifest.json"),
        (("evaluate", "--artifact", tmp_path, "--snapshot", tmp_path), "card.json"),
        (("score", "--artifact", tmp_path, "--input", lacking), "card.json"),
    ]
    for arguments, message in cases:
        done = run(*arguments)
        assert done.returncode == 2, arguments
        assert message in done.stderr
    assert not out.exists()


def test_a_file_without_a_usable_row_makes_no_snapshot(tmp_path: Path) -> None:
    votes = tmp_path / "votes.jsonl"
    votes.write_text('{"question_id": 1, "model_a": "x", "model_b": "y", "winner": "?"}\n')
    done = run("snapshot", "--from", votes, "--format", "arena", "--out", tmp_path / "s")
    assert done.returncode == 2
    assert "votes.jsonl: holds no usable row (1 skipped: unknown choice)" in done.stderr
    assert not (tmp_path / "s").exists()


def test_a_snapshot_without_judgments_cannot_be_ranked(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "Why?", "model": "ada", "response": "Because."}\n')
    last_json(run("snapshot", "--from", rows, "--format", "responses", "--out", tmp_path / "s"))
    done = run("ranking", "--snapshot", tmp_path / "s", "--out", tmp_path / "r")
    assert done.returncode == 2
    assert "holds no judgment between two named models" in done.stderr


def test_an_artifact_is_not_overwritten(snapshot: Path, tmp_path: Path) -> None:
    arguments = ("ranking", "--snapshot", snapshot, "--out", tmp_path / "r")
    last_json(run(*arguments))
    done = process(*arguments)
    assert done.returncode == 2
    assert "exists already" in done.stderr


def test_ranking_and_snapshot_never_import_torch(snapshot: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from trainers.commands.main import main; "
        f"code = main(['ranking', '--snapshot', {str(snapshot)!r}, '--out', "
        f"{str(tmp_path / 'r')!r}]); "
        "found = {'torch', 'transformers', 'django'} & set(sys.modules); "
        "sys.exit(code or sorted(found) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr


# --- how a process ends ---------------------------------------------------------------------


def start(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A snapshot that waits for its input: a named pipe that nothing is written to yet."""
    pipe = tmp_path / "votes.jsonl"
    os.mkfifo(pipe)
    arguments = ("--from", pipe, "--format", "arena", "--out", tmp_path / "s")
    return subprocess.Popen(
        [sys.executable, "-m", "trainers", "snapshot", *map(str, arguments)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )


def feed(tmp_path: Path) -> Any:
    """Open the pipe, which shows that the process reads, and write more than it samples."""
    file = (tmp_path / "votes.jsonl").open("w")
    file.write("".join(json.dumps(row) + "\n" for row in arena_rows(9000)))
    file.flush()
    return file


def wait_for(condition: Any, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_sigterm_ends_a_run_without_a_half_written_snapshot(tmp_path: Path) -> None:
    process = start(tmp_path)
    with feed(tmp_path):
        assert wait_for((tmp_path / "s.partial").exists)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"terminated" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["votes.jsonl"]


def test_a_run_dies_with_the_parent_that_asked_for_it(tmp_path: Path) -> None:
    pipe = tmp_path / "votes.jsonl"
    os.mkfifo(pipe)
    parent = (
        "import os, subprocess, sys, time\n"
        "environment = {**os.environ, 'TRAINERS_DIE_WITH_PARENT': str(os.getpid())}\n"
        "child = subprocess.Popen([sys.executable, '-m', 'trainers', 'snapshot', '--from',"
        f" {str(pipe)!r}, '--format', 'arena', '--out', {str(tmp_path / 's')!r}],"
        " env=environment)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    with feed(tmp_path):
        process.kill()
        process.wait(timeout=60)
        assert wait_for(lambda: not alive(child))


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_run_whose_parent_is_gone_ends_at_once(tmp_path: Path) -> None:
    done = process(
        "ranking", "--snapshot", tmp_path, "--out", tmp_path, TRAINERS_DIE_WITH_PARENT="1"
    )
    assert done.returncode == 1
    assert "has ended" in done.stderr
