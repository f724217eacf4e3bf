"""Artifacts: whole or absent, checked by digest, never replaced."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from trainers.artifacts import Artifact, open_artifact, write_artifact
from trainers.errors import InputError


def write(out: Path, **fields: Any) -> Artifact:
    card = {"snapshot_digest": "s", "config": {"epochs": 2}, "seed": 0, "metrics": {}, **fields}
    return write_artifact(out, kind="reward", card_fields=card, write_files=write_files)


def write_files(folder: Path) -> None:
    save_file({"weight": np.arange(3.0)}, folder / "head.safetensors")
    (folder / "adapter").mkdir()
    save_file({"weight": np.zeros(2)}, folder / "adapter" / "model.safetensors")


def test_an_artifact_opens_with_its_card_and_files(tmp_path: Path) -> None:
    written = write(tmp_path / "a", metrics={"accuracy": 0.75})
    artifact = open_artifact(tmp_path / "a")
    assert (artifact.kind, artifact.digest) == ("reward", written.digest)
    assert artifact.card["metrics"] == {"accuracy": 0.75}
    assert set(artifact.card["files"]) == {"head.safetensors", "adapter/model.safetensors"}
    assert {"config_digest", "code_version", "created_at", "libraries"} <= set(artifact.card)
    assert load_file(artifact.path / "head.safetensors")["weight"].tolist() == [0, 1, 2]


def test_the_digest_covers_kind_config_and_files_and_not_the_hour(tmp_path: Path) -> None:
    first, again = write(tmp_path / "a"), write(tmp_path / "b", metrics={"accuracy": 1})
    other = write(tmp_path / "c", config={"epochs": 3})
    assert first.digest == again.digest != other.digest
    assert first.card["created_at"] != again.card["created_at"]


def test_the_final_name_appears_only_when_all_is_written(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def look(folder: Path) -> None:
        write_files(folder)
        seen.append(sorted(path.name for path in tmp_path.iterdir()))

    write_artifact(tmp_path / "a", kind="reward", card_fields={"config": {}}, write_files=look)
    assert seen == [[f"a.partial-{os.getpid()}"]]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write_files(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_artifact(tmp_path / "a", kind="reward", card_fields={}, write_files=fail)
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_json_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write(tmp_path / "a", metrics={"accuracy": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_an_existing_artifact_is_not_replaced_and_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    write(tmp_path / "a")
    before = (tmp_path / "a" / "card.json").read_bytes()
    with pytest.raises(InputError, match="exists already"):
        write(tmp_path / "a", config={})
    assert (tmp_path / "a" / "card.json").read_bytes() == before


def edit_card(folder: Path, **changes: Any) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, **changes}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "head.safetensors").write_bytes(b"x"), "head.*differs"),
        (lambda folder: (folder / "head.safetensors").unlink(), "head.*lacks this file"),
        (lambda folder: (folder / "card.json").write_text("{"), "is not JSON"),
        (lambda folder: (folder / "card.json").write_text("[]"), "is not a JSON object"),
        (lambda folder: (folder / "card.json").write_text("{}"), "column 'kind'"),
        (lambda folder: (folder / "card.json").unlink(), "cannot be read"),
        (lambda folder: edit_card(folder, config={"epochs": 9}), "does not belong"),
        (lambda folder: edit_card(folder, format_version=7), "unknown format version 7"),
    ],
)
def test_a_damaged_artifact_is_refused(tmp_path: Path, damage: Any, message: str) -> None:
    write(tmp_path / "a")
    damage(tmp_path / "a")
    with pytest.raises(InputError, match=message):
        open_artifact(tmp_path / "a")
