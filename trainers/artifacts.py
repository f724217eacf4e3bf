"""Artifacts: a directory of safetensors files and a card, written aside and renamed into place.

`card.json` says what the artifact is and what it came from: kind, snapshot, configuration,
code version and seed. `digest` covers the kind, the configuration and the files, so that the
same training gives the same digest whenever it ran. Nothing here is ever unpickled.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from trainers.errors import InputError

FORMAT_VERSION = 1
CARD = "card.json"
LIBRARIES = ("numpy", "pyarrow", "torch", "transformers", "peft", "safetensors")


@dataclass(frozen=True, slots=True)
class Artifact:
    """An opened artifact: where it lies and what its card says."""

    path: Path
    card: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.card["kind"])

    @property
    def digest(self) -> str:
        return str(self.card["digest"])


def write_artifact(
    out: Path,
    *,
    kind: str,
    card_fields: Mapping[str, Any],
    write_files: Callable[[Path], None],
) -> Artifact:
    """Write an artifact at `out`; it appears there complete or not at all.

    `write_files` gets the directory to fill. `card_fields` holds snapshot_digest, config,
    seed and metrics. An existing directory is only replaced when it is empty.
    """
    with written_aside(out) as directory:
        write_files(directory)
        config = card_fields.get("config", {})
        files = file_digests(directory)  # before the card, which cannot hold its own digest
        card = {
            **card_fields,
            "kind": kind,
            "format_version": FORMAT_VERSION,
            "digest": artifact_digest(kind, config, files),
            "config_digest": digest_of(config),
            # Beside the digest, not in it: equal trainings may differ in what follows.
            "code_version": code_version(),
            "libraries": library_versions(),
            "created_at": datetime.now(UTC).isoformat(),
            "files": files,
        }
        (directory / CARD).write_text(json_text(card) + "\n", encoding="utf-8")
    return Artifact(out, card)


def open_artifact(path: Path) -> Artifact:
    """Open an artifact after checking every file against its card.

    Raises InputError where a file is missing, differs, or the card is not of this format.
    """
    card = read_json(path / CARD)
    for key in ("kind", "format_version", "digest", "config", "files"):
        if key not in card:
            raise InputError.at(path / CARD, "not an artifact's card", column=key)
    if card["format_version"] != FORMAT_VERSION:
        raise InputError.at(path / CARD, f"unknown format version {card['format_version']!r}")
    for name, digest in card["files"].items():
        if not (path / name).is_file():
            raise InputError.at(path / name, "the artifact lacks this file")
        if file_digest(path / name) != digest:
            raise InputError.at(path / name, "the file differs from the artifact's card")
    # The files match the card; the card must match its digest as well.
    if artifact_digest(card["kind"], card["config"], card["files"]) != card["digest"]:
        raise InputError.at(path / CARD, "the digest does not belong to this card")
    return Artifact(path, card)


@contextmanager
def written_aside(out: Path) -> Iterator[Path]:
    """Yield a sibling directory to fill; it is renamed to `out` at the end, removed on failure."""
    check_free(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    # A sibling, so that the rename stays within one file system; one a process, so that two that
    # write to the same place do not mix.
    partial = out.with_name(f"{out.name}.partial-{os.getpid()}")
    # A killed process of the same number may have left one.
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        # Atomic; fails where `out` has been filled meanwhile.
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_free(out: Path) -> None:
    """Refuse a place that holds something: an artifact replaces nothing but an empty directory."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError.at(out, "exists already and is not an empty directory")


def artifact_digest(kind: str, config: object, files: Mapping[str, str]) -> str:
    """Return the SHA-256 over what training decided: the kind, the configuration, the files."""
    return digest_of({"kind": kind, "config": config, "files": dict(files)})


def digest_of(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json_text(value).encode()).hexdigest()


def json_text(value: object) -> str:
    """Return canonical JSON; raises ValueError at NaN and infinity, which JSON does not have."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def file_digests(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `directory`, by relative name."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): file_digest(path) for path in files}


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_version() -> str:
    """Return a digest of the sources of this package: other code, other version."""
    root = Path(__file__).parent
    sources = {path.relative_to(root).as_posix(): file_digest(path) for path in root.rglob("*.py")}
    return digest_of(sources)[:16]


def library_versions() -> dict[str, str]:
    """Return the versions of the installed numeric libraries, without importing them."""
    installed = {}
    for name in LIBRARIES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a file; raises an InputError that names it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError.at(path, f"cannot be read ({error.strerror})") from error
    # Bytes that are no UTF-8 as well: UnicodeDecodeError is a ValueError.
    except ValueError as error:
        raise InputError.at(path, f"is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError.at(path, "is not a JSON object")
    return value
