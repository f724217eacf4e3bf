"""The base of every group of settings, and what can be read from its fields.

A field is a plain value (`Annotated[float, Range(above=0)]`, `Literal["a", "b"]`, `int | None`) or
another group. Its meaning is the string literal that stands under it.
"""

import ast
import inspect
import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_type_hints

from trainers.errors import InputError
from trainers.settings.values import ValueType


class SettingError(InputError):
    """Settings that cannot be used; `problems` says what is wrong with each, by its full name."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name}: {why}" for name, why in self.problems.items()))


@dataclass(frozen=True, kw_only=True)
class Config:
    """A group of settings. Values outside their bounds are refused, however it is made."""

    def __post_init__(self) -> None:
        """Check every value against its declaration, then what must hold among them."""
        problems = {}
        for name, kind in value_types(type(self)).items():
            try:
                kind.read(getattr(self, name))
            except ValueError as error:
                problems[name] = str(error)
        # They compare values, so that each must be usable by itself first.
        if not problems:
            problems = dict(self.conflicts())
        if problems:
            raise SettingError(problems)

    def conflicts(self) -> Iterator[tuple[str, str]]:
        """Yield (name, problem) of values that do not go together; each is fine by itself."""
        yield from ()


def value_types(group: type[Config]) -> dict[str, ValueType]:
    """Return the types of the plain values of a group, by name."""
    hints = get_type_hints(group, include_extras=True)  # extras are the bounds of Annotated
    return {
        field.name: ValueType.of(hints[field.name])
        for field in fields(group)
        if not is_group(hints[field.name])
    }


def groups(group: type[Config]) -> dict[str, type[Config]]:
    """Return the groups within a group, by name."""
    hints = get_type_hints(group, include_extras=True)
    return {field.name: hints[field.name] for field in fields(group) if is_group(hints[field.name])}


def is_group(hint: Any) -> bool:
    """Return whether an annotation is a group of settings."""
    return isinstance(hint, type) and issubclass(hint, Config)


def leaves(group: type[Config]) -> dict[str, ValueType]:
    """Return the types of all values of a group and of those within it, by dotted name."""
    found = dict(value_types(group))
    for name, inner in groups(group).items():
        found |= {f"{name}.{leaf}": kind for leaf, kind in leaves(inner).items()}
    # A stable sort: fields within a group keep their order, and groups stand where declared.
    order = [field.name for field in fields(group)]
    return dict(sorted(found.items(), key=lambda item: order.index(item[0].split(".")[0])))


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested tables as one, by dotted name."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{inner}": each for inner, each in flat(value).items()}
        else:
            found[name] = value
    return found


def as_json(config: Config) -> dict[str, Any]:
    """Return all settings as nested tables of JSON values; infinity, which JSON lacks, as text."""
    return {name: _json(value) for name, value in asdict(config).items()}


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _json(each) for name, each in value.items()}
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def meanings(group: type[Config]) -> dict[str, str]:
    """Return the meaning of every value by dotted name: the literals that stand under the fields.

    A group may say again what a field of its base means.
    """
    found: dict[str, str] = {}
    for base in reversed(group.__mro__):  # bases first: what a subclass says of a field replaces it
        if is_group(base) and base is not Config:
            found |= _literals(base)
    for name, inner in groups(group).items():
        found |= {f"{name}.{leaf}": text for leaf, text in meanings(inner).items()}
    return found


def _literals(group: type[Config]) -> dict[str, str]:
    # From the source: a literal under a field is not kept anywhere at run time.
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(group))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            literal = below.value if isinstance(below, ast.Expr) else None
            if isinstance(literal, ast.Constant) and isinstance(literal.value, str):
                found[field.target.id] = " ".join(literal.value.split())
    return found
