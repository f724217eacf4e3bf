"""Which weights a checkpoint has, whatever its files look like."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from safetensors import SafetensorError, safe_open

from trainers.errors import InputError

HEADER_LENGTH = 8  # bytes: a little-endian number, before the header of a safetensors file


def weights_digest(folder: Path) -> str:
    """Return the SHA-256 over a checkpoint's tensors: names, types, shapes and bytes, by name.

    It does not depend on how a version of the library lays them out, or on how many files hold
    them. Raises InputError where there are none, or a file is damaged.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InputError.at(folder, "holds no safetensors file")
    states = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files]
    return _digest(tuple(states))


@lru_cache(maxsize=8)
def _digest(states: tuple[tuple[str, int, int], ...]) -> str:
    """Return the digest of files as they were then: each is read once a process."""
    entries = [entry for path, _, _ in states for entry in _entries(Path(path))]
    whole = hashlib.sha256()
    for name, described, digest in sorted(entries):
        whole.update(f"{name} {described} {digest}\n".encode())
    return whole.hexdigest()


def _entries(path: Path) -> list[tuple[str, str, str]]:
    """Return name, type with shape, and the SHA-256 of the bytes of every tensor of a file."""
    try:
        with safe_open(path, framework="np"):  # its own checks: header, offsets, length
            pass
        with path.open("rb") as file:
            length = int.from_bytes(file.read(HEADER_LENGTH), "little")
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            found = []
            for name, entry in header.items():
                begin, end = entry["data_offsets"]
                file.seek(HEADER_LENGTH + length + begin)
                digest = hashlib.sha256(file.read(end - begin)).hexdigest()
                found.append((name, f"{entry['dtype']} {entry['shape']}", digest))
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError.at(path, f"is damaged ({error})") from error
    return found
