"""Long runs of tuned backbones: killed, out of memory, out of disk, diverging, in two processes."""

import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import ROOT
from tests.trainers.backbones import tiny_bert
from tests.trainers.pools import careful_answers_win, judgment, pair_record, snapshot_of
from trainers.data.snapshot import Snapshot
from trainers.errors import InputError
from trainers.progress import Progress
from trainers.reward.config import REWARD, FullRewardConfig, RewardConfig
from trainers.reward.forward import Backbone
from trainers.reward.train import train

pytestmark = pytest.mark.training
SETTINGS = {
    "mode": "full",
    "optim.train_batch_size": 8,
    "optim.num_train_epochs": 3,
    "device": "cpu",
    "train_baseline": False,
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return snapshot_of(tmp_path_factory.mktemp("pool") / "snapshot", careful_answers_win(160))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("base") / "model")


def command(
    pool: Snapshot, base: Path, out: Path, chosen: dict[str, Any] | None = None
) -> list[str]:
    settings = {
        **SETTINGS,
        "model_name_or_path": base,
        "optim.learning_rate": 1e-3,
        **(chosen or {}),
    }
    named = settings.pop("model_name_or_path")
    values = [f"{key}={str(value).lower()}" for key, value in settings.items()]
    return [
        *("-m", "trainers", "reward", "--snapshot", str(pool.path), "--out", str(out), "--set"),
        *(*values, f"model_name_or_path={named}"),
    ]


def run(arguments: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        **how,
    )


def config(base: Path, chosen: dict[str, Any] | None = None) -> RewardConfig:
    return REWARD.read(
        {**SETTINGS, "model_name_or_path": str(base), "optim.learning_rate": 1e-3, **(chosen or {})}
    )


def quiet() -> Progress:
    return Progress(io.StringIO())


def weights(out: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(out / "model.safetensors")
    return found


def distance(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> float:
    """Mean absolute difference of all numbers: Adam makes large steps of tiny gradients' noise."""
    assert before.keys() == after.keys()
    pairs = [(value.flatten(), after[name].flatten()) for name, value in before.items()]
    left, right = (torch.cat(side) for side in zip(*pairs, strict=True))
    return float((left - right).abs().mean())


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_a_killed_run_goes_on_to_the_same_bits(
    dropout: float, pool: Snapshot, base: Path, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    # Both checkpoint after every step, so that the config is one; only one of them is killed.
    chosen = {"dropout": dropout, "checkpoint_seconds": 1e-6, "optim.num_train_epochs": 6}
    assert run(command(pool, base, whole, chosen)).returncode == 0
    process = subprocess.Popen(
        [sys.executable, *command(pool, base, killed, chosen)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    checkpoints = killed.with_name("killed.checkpoints")
    deadline = time.monotonic() + 120
    while not list(checkpoints.rglob("step-????????/state.json")):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not killed.exists()
    resumed = run(command(pool, base, killed, chosen))
    assert resumed.returncode == 0, resumed.stderr
    steps = [json.loads(line) for line in resumed.stderr.splitlines() if line.startswith("{")]
    trained = [line["step"] for line in steps if line["phase"] == "train"]
    assert trained[0] > 1  # it did not start again
    before, after = weights(whole), weights(killed)
    assert distance(before, after) == 0
    cards = [json.loads((out / "card.json").read_text()) for out in (whole, killed)]
    assert cards[0]["digest"] == cards[1]["digest"]
    assert cards[0]["training"] == cards[1]["training"]
    assert not checkpoints.exists()


def stopped_halfway(pool: Snapshot, base: Path, out: Path) -> Path:
    """The checkpoints of a run that was stopped in the middle."""

    class StoppedError(Exception):
        pass

    class Stopping(Progress):
        def report(self, phase: str, done: int, total: int, **metrics: float) -> None:
            if phase == "train" and done == 20:
                raise StoppedError

    with pytest.raises(StoppedError):
        train(pool, out, config(base, {"checkpoint_seconds": 1e-6}), Stopping(io.StringIO()))
    return out.with_name(f"{out.name}.checkpoints") / "adaptive"


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_serves(
    pool: Snapshot, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainers.tuning.checkpoints.LARGEST_SHARE", 1e9)  # every step
    out = tmp_path / "out"
    kept = sorted(stopped_halfway(pool, base, out).iterdir())
    assert len(kept) == 2
    with (kept[-1] / "optimizer.safetensors").open("r+b") as file:
        file.truncate(100)
    with pytest.raises(InputError, match=f"{kept[-1].name}: the checkpoint is damaged"):
        train(pool, out, config(base, {"checkpoint_seconds": 1e-6}), quiet())
    assert not out.exists()
    shutil.rmtree(kept[-1])
    train(pool, out, config(base, {"checkpoint_seconds": 1e-6}), quiet())
    whole = train(pool, tmp_path / "whole", config(base, {"checkpoint_seconds": 1e-6}), quiet())
    assert all(
        torch.equal(value, weights(out)[name]) for name, value in weights(whole.path).items()
    )


def test_the_state_of_another_run_is_refused(pool: Snapshot, base: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stopped_halfway(pool, base, out)
    with pytest.raises(InputError, match="state of a run with other settings"):
        train(pool, out, config(base, {"seed": 5}), quiet())
    assert not out.exists()


def test_out_of_memory_halves_what_is_computed_at_once_and_goes_on(
    pool: Snapshot, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = train(pool, tmp_path / "plain", config(base, {"optim.num_train_epochs": 1}), quiet())
    real, most = Backbone.rewards, 150

    def within_memory(self: Backbone, sequences: Any) -> torch.Tensor:
        found = real(self, sequences)
        if self.model.training and sum(map(len, sequences)) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return found

    monkeypatch.setattr(Backbone, "rewards", within_memory)
    squeezed = train(
        pool, tmp_path / "squeezed", config(base, {"optim.num_train_epochs": 1}), quiet()
    )
    assert squeezed.card["training"]["max_tokens_per_microbatch"] <= most
    assert distance(weights(plain.path), weights(squeezed.path)) < 1e-5
    most = 3
    with pytest.raises(InputError, match="memory does not hold one pair"):
        train(pool, tmp_path / "hopeless", config(base, {"optim.num_train_epochs": 1}), quiet())


def test_memory_that_really_ends_is_survived(pool: Snapshot, base: Path, tmp_path: Path) -> None:
    """The CPU's allocator refuses: the same path, with the operating system's own error."""
    code = (
        "import sys, torch; from trainers.reward.forward import Backbone\n"
        "real = Backbone.rewards\n"
        "def hungry(self, sequences):\n"
        "    found = real(self, sequences)\n"
        "    if self.model.training and len(sequences) > 4:\n"
        "        torch.zeros(1 << 60)\n"
        "    return found\n"
        "Backbone.rewards = hungry\n"
        "from trainers.commands.main import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = command(pool, base, tmp_path / "out", {"optim.num_train_epochs": 1})[2:]
    made = run(["-c", code, *arguments])
    assert made.returncode == 0, made.stderr
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert (
        card["training"]["max_tokens_per_microbatch"] < FullRewardConfig().max_tokens_per_microbatch
    )


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_batch(
    pool: Snapshot, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Backbone.rewards, 0

    def breaking(self: Backbone, sequences: Any) -> torch.Tensor:
        nonlocal calls
        calls += self.model.training
        found = real(self, sequences)
        return found * torch.nan if calls > 12 else found

    monkeypatch.setattr(Backbone, "rewards", breaking)
    out = tmp_path / "out"
    with pytest.raises(
        InputError, match="step 13: the loss or its gradient is not a number"
    ) as told:
        train(pool, out, config(base), quiet())
    ids = pool.table("consensus")["comparison_id"].to_pylist()
    assert sum(str(known) in str(told.value) for known in ids) >= 8
    assert not out.exists()
    monkeypatch.setattr(Backbone, "rewards", real)
    kept = out.with_name("out.checkpoints") / "adaptive" / "step-00000012"
    assert str(kept.parent) in str(told.value)
    assert all(value.isfinite().all() for value in load_file(kept / "weights.safetensors").values())
    train(pool, out, config(base), quiet())  # and the state before it serves


@pytest.mark.parametrize("megabytes", [0.05, 0.15])
def test_a_full_disk_leaves_nothing_half_written(
    megabytes: float, pool: Snapshot, base: Path, tmp_path: Path
) -> None:
    """The first limit refuses a checkpoint's weights, the second what is left of its optimizer."""
    out, most = tmp_path / "out", int(megabytes * 1e6)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))  # noqa: E731
    made = run(command(pool, base, out), preexec_fn=limit)
    assert made.returncode == 2, made.stderr
    assert "cannot be written" in made.stderr.splitlines()[-1]
    assert not out.exists()
    left = [path for path in tmp_path.rglob("*") if "partial" in path.name]
    assert left == []
    assert not list(tmp_path.rglob("state.json"))


def test_data_of_one_class_still_train(base: Path, tmp_path: Path) -> None:
    told = (judgment("r", "a"),)
    records = [pair_record(f"question {n}", ("clear", "idk"), judgments=told) for n in range(60)]
    pool = snapshot_of(tmp_path / "pool", records)
    artifact = train(pool, tmp_path / "out", config(base, {"optim.num_train_epochs": 1}), quiet())
    assert artifact.card["metrics"]["accuracy"] == 1.0
    assert np.isfinite(artifact.card["metrics"]["log_loss"])


def test_an_existing_artifact_is_refused_before_the_work(
    pool: Snapshot, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="exists already"):
        train(pool, tmp_path / "out", config(base), quiet())


@pytest.mark.processes
@pytest.mark.parametrize("mode", ["full", "lora"])
def test_two_processes_make_what_one_makes(
    mode: str, pool: Snapshot, base: Path, tmp_path: Path
) -> None:
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--main_process_port", "0"]
    alone, together = tmp_path / "alone", tmp_path / "together"
    one = run(command(pool, base, alone, {"mode": mode, "optim.train_batch_size": 9}))
    assert one.returncode == 0, one.stderr
    two = run(
        [*launch, *command(pool, base, together, {"mode": mode, "optim.train_batch_size": 9})]
    )
    assert two.returncode == 0, two.stderr
    assert len(two.stdout.splitlines()) == 1  # one of the two speaks
    cards = [json.loads((out / "card.json").read_text()) for out in (alone, together)]
    for name in ("accuracy", "log_loss", "ece"):
        assert cards[0]["metrics"][name] == pytest.approx(cards[1]["metrics"][name], abs=2e-3)
    file = "model.safetensors" if mode == "full" else "adapter_model.safetensors"
    before, after = (load_file(out / file) for out in (alone, together))
    assert distance(before, after) < 1e-4
