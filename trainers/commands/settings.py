"""Settings of a command: a TOML file and `--set name=value`, and what `--help` says of them."""

import textwrap
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainers.errors import InputError
from trainers.settings.config import Config, SettingError, flat
from trainers.settings.kind import Kind, Setting
from trainers.settings.values import as_text

WIDTH = 96


def read_settings(kind: Kind[Any], file: Path | None, assignments: Sequence[str]) -> Config:
    """Return a kind's config: its defaults, then the file's values, then the assignments.

    Raises InputError that names where each unusable setting stands.
    """
    values: dict[str, object] = flat(_toml(file)) if file is not None else {}
    places = dict.fromkeys(values, str(file))
    # After the file, whose values they replace.
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"--set {assignment!r}: is not of the form name=value")
        values[name], places[name] = text, "--set"
    try:
        config: Config = kind.read(values)
    except SettingError as error:
        named = (
            f"{places.get(name, kind.name)} {name}: {why}" for name, why in error.problems.items()
        )
        raise InputError("\n".join(named)) from error
    return config


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError.at(file, f"cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError.at(file, f"is not TOML ({error})") from error


def help_text(kind: Kind[Any]) -> str:
    """Return every setting of a kind with its default, bounds and meaning, for a terminal."""
    head = "settings, as --set name=value, or as names and tables of a TOML file (--config):"
    if kind.chosen_by:
        head += f"\nvariants by {kind.chosen_by}: {', '.join(kind.variants)}"
    return "\n".join([head, *(_entry(setting, kind) for setting in kind.settings())])


def _entry(setting: Setting, kind: Kind[Any]) -> str:
    """Return one setting: its name, its type with bounds and default, what it means."""
    of = ", ".join(setting.choices) or ", ".join(filter(None, (setting.type, setting.bounds)))
    optional = ", or none" if setting.optional else ""
    chooses = setting.name == kind.chosen_by
    default = as_text(setting.default) if chooses else setting.default_text
    only = "" if len(setting.defaults) == len(kind.variants) else ", ".join(setting.defaults)
    known = f"  {setting.name}  [{of}{optional}] default {default}{only and f' ({only} only)'}"
    indent = " " * 6
    meaning = textwrap.fill(setting.meaning, WIDTH, initial_indent=indent, subsequent_indent=indent)
    return f"\n{known}\n{meaning}"
