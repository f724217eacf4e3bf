"""A kind's settings from its config dataclass, a TOML file and `--set key=value`."""

import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from trainers.errors import InputError

TRUTHS = {"true": True, "false": False}


def read_settings(config: type[Any], file: Path | None, assignments: Sequence[str]) -> Any:
    """An instance of `config`: its defaults, then the file's values, then the assignments."""
    types = get_type_hints(config)
    known = {field.name: types[field.name] for field in fields(config)}
    values: dict[str, Any] = {}
    for key, value in (_toml(file) if file is not None else {}).items():
        values[key] = _checked(known, key, value, str(file))
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise InputError(f"--set {assignment!r}: is not of the form key=value")
        values[key] = _parsed(known, key, text)
    return config(**values)


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError.at(file, f"cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError.at(file, f"is not TOML ({error})") from error


def _parsed(known: dict[str, Any], key: str, text: str) -> Any:
    """The text as the first of the setting's types that takes it."""
    for kind in _kinds(known, key, "--set"):
        try:
            return _convert(kind, text)
        except ValueError:
            continue
    raise InputError(f"--set {key}: {text!r} is not {_described(known[key])}")


def _convert(kind: Any, text: str) -> Any:
    if kind is NoneType:
        if text not in ("none", ""):
            raise ValueError
        return None
    if kind is bool:
        if text not in TRUTHS:
            raise ValueError
        return TRUTHS[text]
    if get_origin(kind) is Literal:
        return _option(kind, text)
    return kind(text)


def _checked(known: dict[str, Any], key: str, value: Any, place: str) -> Any:
    """A TOML value, which has a type already; a whole number is a number too."""
    for kind in _kinds(known, key, place):
        if get_origin(kind) is Literal and value in get_args(kind):
            return value
        if kind is float and type(value) is int:
            return float(value)
        if isinstance(kind, type) and type(value) is kind:
            return value
        if kind is Path and isinstance(value, str):
            return Path(value)
    raise InputError(f"{place}, key {key!r}: {value!r} is not {_described(known[key])}")


def _option(kind: Any, text: str) -> str:
    if text not in get_args(kind):
        raise ValueError
    return text


def _kinds(known: dict[str, Any], key: str, place: str) -> tuple[Any, ...]:
    """The types that a setting may have; None is tried first, text last."""
    if key not in known:
        raise InputError(f"{place}: unknown setting {key!r}; known are {', '.join(known)}")
    kind = known[key]
    union = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    order = (NoneType, bool, int, float, Path, str)
    return tuple(sorted(union, key=lambda item: order.index(item) if item in order else 0))


def _described(kind: Any) -> str:
    """The type in the words of a message."""
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    return getattr(kind, "__name__", None) or str(kind)
