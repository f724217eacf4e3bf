"""Make the shipped adapters of the house models again, from the recorded answers alone.

`python -m feedback.pool.starter.adapters [NAME …]` writes `trainers/pretrained/adapters/NAME/`, by
the project's own command line. The same machine makes the same files; docs/lab/house-models.md
says what it costs and how they answer.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from feedback.pool.starter.manners import MANNERS, preference_rows
from trainers.artifacts import open_artifact, write_artifact
from trainers.pretrained.adapters import FOLDER, specialities

WEIGHTS = "adapter_model.safetensors"
WRITTEN_ANEW = ("kind", "format_version", "digest", "config_digest", "created_at", "files")

SETTINGS: Mapping[str, object] = {
    "lora.rank": 8,
    "lora.alpha": 16,
    "lora.target_modules": "q_proj,k_proj,v_proj,o_proj",
    # So that the likelihood weighs more than the gap: at 1 the manner was learnt in a dozen steps,
    # and English forgotten in two dozen.
    "rpo_alpha": 10.0,
    "optim.learning_rate": 5e-4,
    "optim.num_train_epochs": 6,
    "optim.max_steps": 20,
    "optim.train_batch_size": 4,
    "optim.per_device_train_batch_size": 1,
    "max_length": 256,
    "max_train_pairs": 36,
    "max_test_pairs": 12,
    "sampling.num_answers": 1,
}

# How much of what was learnt is shipped: weights half-way back to the base. Whole, the writer
# repeated itself more than the base does; half of it keeps the manner and the English.
STRENGTH: Mapping[str, float] = {"brief": 1.0, "steps": 1.0, "health": 0.5, "creative": 0.5}


def main(names: list[str]) -> None:
    """Make the adapters of these names, all where none is given."""
    for each in specialities().values():
        if each.adapter and (not names or each.adapter in names):
            adapter_make(each.adapter, each.system_prompt)


def adapter_make(manner: str, system_prompt: str) -> None:
    """Train one adapter and put it in its place, in half precision."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = folder / "pairs.jsonl"
        rows.write_text(
            "".join(json.dumps(row) + "\n" for row in preference_rows(manner, system_prompt))
        )
        command("snapshot", "--from", rows, "--format", "trl", "--out", folder / "snapshot")
        command(
            *("policy", "--snapshot", folder / "snapshot", "--out", folder / "policy", "--set"),
            *(f"{name}={value}" for name, value in SETTINGS.items()),
        )
        shutil.rmtree(FOLDER / manner, ignore_errors=True)
        ship(folder / "policy", FOLDER / manner, STRENGTH[manner])


def ship(made: Path, out: Path, strength: float) -> None:
    """Write a policy artifact anew, its update times `strength`, its weights as float16.

    Its card keeps the metrics of the whole update, and says the strength.
    """
    artifact = open_artifact(made)

    def write(folder: Path) -> None:
        for name in artifact.card["files"]:
            shutil.copy(made / name, folder / name)
        tensors = load_file(made / WEIGHTS)
        # The update is B A: one of the two is enough.
        scaled = {
            name: (tensor * (strength if "lora_B" in name else 1.0)).astype(np.float16)
            for name, tensor in tensors.items()
        }
        save_file(scaled, folder / WEIGHTS, metadata={"format": "pt"})

    kept = {name: value for name, value in artifact.card.items() if name not in WRITTEN_ANEW}
    write_artifact(
        out, kind="policy", card_fields={**kept, "strength": strength}, write_files=write
    )


def command(*arguments: object) -> None:
    """Run `python -m trainers`; it says how far it is and what is wrong."""
    line = [sys.executable, "-m", "trainers", *map(str, arguments)]
    subprocess.run(line, check=True)  # noqa: S603


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(MANNERS)
    if unknown:
        sys.exit(f"there is no {', '.join(sorted(unknown))}; known are {', '.join(MANNERS)}")
    main(sys.argv[1:])
