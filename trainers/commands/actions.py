"""What each command does; every function returns the JSON object that is printed last."""

import json
import time
from argparse import Namespace
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from trainers.artifacts import Artifact, open_artifact
from trainers.commands.settings import read_settings
from trainers.data.formats import read
from trainers.data.snapshot import Snapshot
from trainers.data.snapshot.build import NoUsableRowError, build_snapshot
from trainers.errors import InputError
from trainers.kinds import KINDS
from trainers.progress import Progress

SCORED_BY_PROMPT = ("reward", "policy", "embedding")

Report = dict[str, Any]


def snapshot(arguments: Namespace) -> Report:
    """Make a snapshot from a public file."""
    started = time.monotonic()
    path: Path = arguments.source
    records = read(path, format=arguments.format, profile=arguments.profile)
    filters = {
        "file": path.name,
        "format": arguments.format,
        "profile": arguments.profile.stem if arguments.profile else None,
    }
    try:
        built = build_snapshot(records, arguments.out, filters=filters)
    except NoUsableRowError as error:
        raise InputError.at(path, str(error)) from error
    return {
        "kind": "snapshot",
        "artifact": str(arguments.out),
        "digest": built.digest,
        "seconds": round(time.monotonic() - started, 3),
        "metrics": {**built.counts, "skipped": built.skipped},
    }


def train(arguments: Namespace) -> Report:
    """Train one kind on a snapshot, with the settings of its config."""
    started = time.monotonic()
    kind = arguments.command
    settings = read_settings(KINDS[kind], arguments.config, arguments.set)
    opened = Snapshot.open(arguments.snapshot)
    # By name: a kind's libraries are loaded for that kind alone.
    trained = import_module(f"trainers.{kind}.train").train(
        opened, arguments.out, settings, Progress()
    )
    return _report(trained, started, trained.card["metrics"])


def evaluate(arguments: Namespace) -> Report:
    """Measure an artifact on a snapshot; where asked, also write what each row of it says."""
    started = time.monotonic()
    artifact = open_artifact(arguments.artifact)  # refuses a damaged one
    module = import_module(f"trainers.{_known_kind(artifact)}.evaluate")
    opened = Snapshot.open(arguments.snapshot)
    if arguments.per_prompt is not None:
        if artifact.kind not in SCORED_BY_PROMPT:
            raise InputError(f"--per-prompt: a {artifact.kind} artifact has no score of a prompt")
        pq.write_table(module.evaluate_prompts(artifact, opened), arguments.per_prompt)
    if arguments.per_decision is not None:
        if artifact.kind != "embedding":
            raise InputError(f"--per-decision: a {artifact.kind} artifact is no router")
        pq.write_table(module.evaluate_decisions(artifact, opened), arguments.per_decision)
    return _report(artifact, started, module.evaluate(artifact, opened))


def score(arguments: Namespace) -> Iterator[Report]:
    """Yield the reward of each row."""
    artifact = _of_kind(arguments.artifact, "reward")
    rows: Iterator[Report] = import_module("trainers.reward.score").score_rows(
        artifact, _rows(arguments.input)
    )
    return rows


def predict(arguments: Namespace) -> Iterator[Report]:
    """Yield the score of every model on each row's prompt."""
    artifact = _of_kind(arguments.artifact, "embedding")
    rows: Iterator[Report] = import_module("trainers.embedding.predict").predict_rows(
        artifact, _rows(arguments.input)
    )
    return rows


def _report(artifact: Artifact, started: float, metrics: Report) -> Report:
    return {
        "kind": artifact.kind,
        "artifact": str(artifact.path),
        "digest": artifact.digest,
        "seconds": round(time.monotonic() - started, 3),
        "metrics": metrics,
    }


def _of_kind(path: Path, kind: str) -> Artifact:
    artifact = open_artifact(path)
    if artifact.kind != kind:
        raise InputError.at(path, f"is of kind {artifact.kind!r}, not {kind!r}")
    return artifact


def _known_kind(artifact: Artifact) -> str:
    if artifact.kind not in KINDS:
        raise InputError.at(artifact.path, f"is of unknown kind {artifact.kind!r}")
    return artifact.kind


def _rows(path: Path) -> Iterator[Report]:
    """Yield the rows of a JSONL file; each has an answer, so a broken one ends the command."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield _row(path, number, line)
    except OSError as error:
        raise InputError.at(path, f"cannot be read ({error.strerror})") from error


def _row(path: Path, number: int, line: bytes) -> Report:
    try:
        row = json.loads(line.decode())
    except ValueError as error:
        raise InputError.at(path, f"is not JSON ({error})", row=number) from error
    if not isinstance(row, dict):
        raise InputError.at(path, "is not a JSON object", row=number)
    return row
