"""The type of one setting: which values it takes, read from text or from TOML and JSON."""

from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from trainers.settings.bounds import FINITE, Range

TRUTHS = {"true": True, "false": False}
NAMES = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}


@dataclass(frozen=True, slots=True)
class ValueType:
    """A plain type with its bounds or choices, and whether the setting may be left unset.

    base      one of bool, int, float, str
    choices   of a `Literal`; empty otherwise
    optional  whether None is a value, written "none" on a command line
    """

    base: type[bool | int | float | str]
    choices: tuple[str, ...]
    bounds: Range
    optional: bool

    @classmethod
    def of(cls, hint: Any) -> "ValueType":
        """Return the type that an annotation declares; anything else is a mistake of the code."""
        bounds, optional = FINITE, False
        if get_origin(hint) in (Union, UnionType):
            # None last, wherever it stands in the union.
            hint, *others = sorted(get_args(hint), key=lambda item: item is NoneType)
            assert others == [NoneType], f"{hint}: only a union with None is a setting"
            optional = True
        if get_origin(hint) is Annotated:
            hint, bounds = get_args(hint)
        if get_origin(hint) is Literal:
            return cls(str, get_args(hint), bounds, optional)
        assert hint in NAMES, f"{hint} is no type of a setting"
        return cls(hint, (), bounds, optional)

    def read(self, value: object) -> Any:
        """Return a value of this type: text is parsed, anything else must have the type already.

        Raises ValueError with the reason, which begins with the value.
        """
        parsed = self._parsed(value)
        if self.choices and parsed is not None and parsed not in self.choices:
            raise ValueError(f"{value!r} is not one of {', '.join(self.choices)}")
        # A bool is an int too; it has no bounds to lie outside of.
        if isinstance(parsed, int | float) and not self.bounds.holds(parsed):
            raise ValueError(f"{value!r} is not {str(self.bounds) or 'a finite number'}")
        return parsed

    def _parsed(self, value: object) -> Any:
        if value is None or (self.optional and value in ("", "none")):
            if not self.optional:
                raise ValueError(f"{_quoted(value)} is not {NAMES[self.base]}")
            return None
        if isinstance(value, str):
            return self._from_text(value)
        # TOML and JSON write 1 for 1.0.
        if self.base is float and type(value) is int:
            return float(value)
        if type(value) is not self.base:  # not isinstance: True is no 1
            raise ValueError(f"{_quoted(value)} is not {NAMES[self.base]}")
        return value

    def _from_text(self, text: str) -> Any:
        try:
            return TRUTHS[text] if self.base is bool else self.base(text)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{text!r} is not {NAMES[self.base]}") from error


def as_text(value: object) -> str:
    """Return a value as a command line takes it."""
    words: dict[object, str] = {None: "none", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _quoted(value: object) -> str:
    """Return a value for a message, text and what is no setting at all in quotes or brackets."""
    return as_text(value) if value is None or isinstance(value, bool) else repr(value)
