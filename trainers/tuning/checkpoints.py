"""The state of a run on disk, so that a killed one goes on with the same numbers.

A checkpoint is a folder: the trained weights and the optimizer's state as safetensors, and
`state.json` with the step, what the run is of, and the SHA-256 of the other files. It is written
aside and renamed into place; the last two are kept. Nothing random needs keeping: the order of the
data is a function of seed and epoch, dropout's stream of seed and step, the learning rate of the
step.
"""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from trainers.artifacts import file_digests, json_text, read_json, written_aside
from trainers.errors import InputError

STATE = "state.json"
WEIGHTS, OPTIMIZER, TRACE = "weights.safetensors", "optimizer.safetensors", "trace.safetensors"
KEPT = 2
# However often they are asked for, checkpoints take no more than a twentieth of the time.
LARGEST_SHARE = 0.05


@dataclass(slots=True, kw_only=True)
class TrainingState:
    """What a run changes.

    step       steps done
    weights    trained parameters by name
    optimizer  AdamW over them
    trace      tensors that only describe the run; they come back too, for its card
    """

    step: int
    weights: Mapping[str, Tensor]
    optimizer: torch.optim.Optimizer
    trace: Mapping[str, Tensor]


class Checkpoints:
    """The checkpoints of one run in one folder.

    identity  what two runs must share to have the same trajectory; another's state is refused
    seconds   between two checkpoints, at least
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], seconds: float) -> None:
        self.folder = folder
        self._identity = dict(identity)
        self._seconds = seconds
        self._due = time.monotonic() + seconds

    def due(self) -> bool:
        """Return whether it is time for another."""
        return time.monotonic() >= self._due

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint; the one before it stays until the next."""
        started = time.monotonic()
        place = self.folder / f"step-{state.step:08d}"
        # It exists where a resumed run saves the very step it resumed from; it is complete then,
        # because a name without `.partial-` is only given to what is complete.
        if not place.exists():
            try:
                with written_aside(place) as aside:
                    self._write(aside, state)
            except (OSError, SafetensorError) as error:
                raise InputError.at(place, f"the checkpoint cannot be written ({error})") from error
        # Two, because a machine that dies may leave the newest one damaged on its disk.
        for old in self._complete()[:-KEPT]:
            shutil.rmtree(old)
        spent = time.monotonic() - started
        self._due = time.monotonic() + max(self._seconds, spent / LARGEST_SHARE)

    def restore(self, state: TrainingState) -> None:
        """Put the newest checkpoint's values in the place of the state's, where there is one."""
        # A process that was killed while it wrote left half a checkpoint under another name.
        for half in self.folder.glob("*.partial-*"):
            shutil.rmtree(half, ignore_errors=True)
        complete = self._complete()
        if not complete:
            return
        newest = complete[-1]
        known = self._checked(newest)
        # Copied in place: the model and the optimizer hold these very tensors.
        with torch.no_grad():
            for name, file in ((WEIGHTS, state.weights), (TRACE, state.trace)):
                for key, value in load_file(newest / name).items():
                    file[key].copy_(value)
        _restore_optimizer(state.optimizer, load_file(newest / OPTIMIZER))
        state.step = int(known["step"])

    def _write(self, folder: Path, state: TrainingState) -> None:
        save_file(_contiguous(state.weights), folder / WEIGHTS)
        save_file(_optimizer_tensors(state.optimizer), folder / OPTIMIZER)
        save_file(_contiguous(state.trace), folder / TRACE)
        files = file_digests(folder)
        known = {"step": state.step, "identity": self._identity, "files": files}
        # Last: it holds the digests of the others.
        (folder / STATE).write_text(json_text(known) + "\n", encoding="utf-8")

    def _complete(self) -> list[Path]:
        # Steps are zero-padded, so that names sort as numbers do.
        return sorted(path for path in self.folder.glob("step-*") if ".partial-" not in path.name)

    def _checked(self, folder: Path) -> dict[str, Any]:
        known = read_json(folder / STATE)
        for key, value in self._identity.items():
            if known.get("identity", {}).get(key) != value:
                problem = f"is the state of a run with other {key}: start that one, or remove it"
                raise InputError.at(folder, problem)
        # STATE lies in the folder too, but cannot hold its own digest: left out on both sides.
        if {**file_digests(folder), STATE: ""} != {**known.get("files", {}), STATE: ""}:
            problem = "the checkpoint is damaged; remove it to go on from the one before it"
            raise InputError.at(folder, problem)
        return known


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # safetensors refuses a tensor whose memory is not contiguous.
    return {name: value.detach().contiguous() for name, value in tensors.items()}


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return AdamW's tensors by `<number of the parameter>.<name>`; its settings are the run's."""
    state = optimizer.state_dict()["state"]
    return {
        f"{number}.{name}": value.detach().contiguous()
        for number, values in state.items()
        for name, value in values.items()
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value
    # The groups of this run's own optimizer: rates and decay are settings, not state.
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
