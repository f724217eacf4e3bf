"""Digests of what `python -m trainers` makes and prints, for fixed files, settings and seed."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.behaviour.checkout import Checkout, CommandFailedError
from tests.behaviour.setting_names import Assignments
from tests.behaviour.starter import STARTER

SNAPSHOTS = {
    "judgments": (STARTER / "judgments.jsonl.gz", "preferences"),
    "outcomes": (STARTER / "outcomes.jsonl", "outcomes"),
    "answers": (STARTER / "responses.jsonl", "responses"),
}
UNUSABLE_INPUT = 2
MEASURED = ("seconds", "_ms", "per_second", "memory")  # parts of names of what a clock says
QUESTIONS = ("What is a torus?", "My knee hurts after running. What can I do?")
ANSWERS = ("A surface of revolution: a circle turned about an axis beside it.", "I do not know.")


@dataclass(frozen=True, slots=True)
class Training:
    """A trainer, the snapshot that it reads, its settings; `backbone` is put in where it is due."""

    kind: str
    snapshot: str
    settings: Mapping[str, str | int]
    tuned: bool = False


TRAININGS = {
    "ranking": Training("ranking", "judgments", {}),
    "embedding of outcomes": Training("embedding", "outcomes", {}),
    "embedding of judgments": Training("embedding", "judgments", {}),
    "embedding as published": Training("embedding", "outcomes", {"method": "embedllm"}),
    "reward, linear head": Training("reward", "judgments", {"head": "linear", "epochs": 8}),
    "reward, head with a hidden layer": Training("reward", "judgments", {"epochs": 8}),
    "reward, General Preference Model": Training("reward", "judgments", {"kind": "gpm"}),
    "reward, all weights": Training("reward", "judgments", {"mode": "full", "epochs": 1}, True),
    "reward, adapters": Training("reward", "judgments", {"mode": "lora", "epochs": 1}, True),
    "policy": Training("policy", "judgments", {"base": "tiny", "max_steps": 8}),
}


def record_trainers(checkout: Checkout) -> dict[str, Any]:
    """Return the record of every snapshot and training, each under its name."""
    snapshots = {name: _snapshot(checkout, name) for name in SNAPSHOTS}
    backbone = _backbone(checkout.work / "backbone")
    with ThreadPoolExecutor(2) as pool:
        make = partial(_trained, checkout, backbone)
        trained = dict(zip(TRAININGS, pool.map(make, TRAININGS), strict=True))
    return {
        "snapshots": snapshots,
        "consensus": _consensus(checkout),
        "artifacts": trained,
    }


def _snapshot(checkout: Checkout, name: str) -> dict[str, Any]:
    file, form = SNAPSHOTS[name]
    words = ("--from", str(file), "--format", form, "--out", str(_folder(checkout, name)))
    printed = _last(checkout.run("-m", "trainers", "snapshot", *words))
    return {"digest": printed["digest"], "counts": printed["metrics"]}


def _consensus(checkout: Checkout) -> str:
    """Return what came of the command, where the checkout has it: a digest of its rows."""
    import pyarrow.parquet as pq

    out = checkout.work / "consensus.parquet"
    folder = _folder(checkout, "judgments")
    try:
        checkout.run(
            *("-m", "trainers", "consensus"), *("--snapshot", str(folder), "--out", str(out))
        )
    except CommandFailedError as error:
        return f"exit status {error.status}"
    rows = pq.read_table(out).to_pylist()
    return _digest(json.dumps(rows, sort_keys=True).encode())


def _backbone(folder: Path) -> Path:
    """Write a transformer of three layers, with weights drawn from a fixed seed."""
    from tests.trainers.backbones import tiny_bert

    return tiny_bert(folder)


def _trained(checkout: Checkout, backbone: Path, name: str) -> dict[str, Any]:
    training = TRAININGS[name]
    values = {**training.settings, "seed": 1}
    if training.tuned:
        values["backbone"] = str(backbone)
    out = _folder(checkout, name)
    _train(checkout, training, Assignments(values), out)
    card = json.loads((out / "card.json").read_text())
    record = {
        "metrics": unmeasured(card["metrics"]),
        "files": {
            str(path.relative_to(out)): _tensors(path)
            for path in sorted(out.rglob("*.safetensors"))
        },
    }
    folder = str(_folder(checkout, training.snapshot))
    if training.kind in ("reward", "embedding"):
        rows = _rows(checkout.work / f"{name}.jsonl")
        command = "score" if training.kind == "reward" else "predict"
        words = ("--artifact", str(out), "--input", str(rows))
        printed = checkout.run("-m", "trainers", command, *words).splitlines()
        record[command] = [json.loads(line) for line in printed]
    if training.kind != "policy":
        words = ("--artifact", str(out), "--snapshot", folder)
        printed_last = _last(checkout.run("-m", "trainers", "evaluate", *words))
        record["evaluate"] = unmeasured(printed_last["metrics"])
    return record


def _train(checkout: Checkout, training: Training, settings: Assignments, out: Path) -> None:
    """Run the trainer; where it refuses the name of a setting, try the next name of it."""
    folder = str(_folder(checkout, training.snapshot))
    while True:
        words = ("-m", "trainers", training.kind, "--snapshot", folder, "--out", str(out))
        try:
            checkout.run(*words, "--set", *settings.words())
        except CommandFailedError as error:
            if error.status != UNUSABLE_INPUT or not settings.rename(error.errors):
                raise
        else:
            return


def _rows(path: Path) -> Path:
    """Write rows that `score` and `predict` both take."""
    rows = [{"prompt": q, "response": a} for q in QUESTIONS for a in ANSWERS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _tensors(path: Path) -> dict[str, dict[str, Any]]:
    """Return type, shape, size and digest of each tensor; headers with free text are left out."""
    from safetensors import safe_open

    record: dict[str, dict[str, Any]] = {}
    with safe_open(path, framework="pt") as file:
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name).contiguous()
            record[name] = {
                "dtype": str(tensor.dtype),
                "shape": list(tensor.shape),
                "norm": float(tensor.double().norm()),
                "sha256": _digest(tensor.numpy().tobytes()),
            }
    return record


def unmeasured(value: Any) -> Any:
    """Return metrics without the entries that a clock or the machine determines."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if not any(part in k for part in MEASURED)}
        return {key: unmeasured(item) for key, item in kept.items()}
    return [unmeasured(item) for item in value] if isinstance(value, list) else value


def _folder(checkout: Checkout, name: str) -> Path:
    return checkout.work / name.replace(" ", "_").replace(",", "")


def _last(printed: str) -> dict[str, Any]:
    last: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return last


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
