"""Rows of a public data set by its hub name, where `datasets` and the network allow it."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainers.errors import InputError

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def hub_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Stream the `train` split of a data set such as `allenai/multipref`."""
    name = path.as_posix()
    if not HUB_NAME.fullmatch(name) or path.suffix in (
        ".parquet",
        ".jsonl",
        ".gz",
        ".csv",
        ".json",
    ):
        raise InputError.at(path, "there is no such file")
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        message = "no such file, and a hub name needs the package `datasets`"
        raise InputError.at(path, message) from error
    try:
        yield from datasets.load_dataset(name, split="train", streaming=True)
    except Exception as error:  # the hub's client raises many unrelated kinds of errors
        raise InputError.at(
            path, f"no such file, and the hub did not serve it ({error})"
        ) from error
