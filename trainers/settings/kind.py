"""What one kind of model is trained with: its variants, their settings, the names of before."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Generic, TypeVar

from trainers.settings.config import Config, SettingError, flat, groups, leaves, meanings
from trainers.settings.values import NAMES, ValueType, as_text

C = TypeVar("C", bound=Config)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as people see it.

    type      "number", "integer", "text", "choice" or "true or false"
    choices   of a choice; empty otherwise
    bounds    of a number, in words; "" without bounds
    optional  whether it may be left unset ("none")
    defaults  by variant of the kind; a variant without this setting is not named
    """

    name: str
    type: str
    choices: tuple[str, ...]
    bounds: str
    optional: bool
    meaning: str
    defaults: Mapping[str, Any]

    @property
    def default(self) -> Any:
        """Return the default of the first variant that has this setting."""
        return next(iter(self.defaults.values()))

    @property
    def default_text(self) -> str:
        """Return the default as text, such as "0.003 (frozen), 0.0002 (lora)" where they differ."""
        variants: dict[str, list[str]] = {}
        for variant, value in self.defaults.items():
            variants.setdefault(as_text(value), []).append(variant)
        if len(variants) == 1:
            return next(iter(variants))
        return ", ".join(f"{text} ({', '.join(names)})" for text, names in variants.items())


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[C]):
    """A kind of model and its settings.

    variants   configs by name; the first one is taken where nothing is chosen
    chosen_by  the setting whose value chooses among them: the first variant that takes it
    renamed    new names of settings by the names that stored configs may still hold
    """

    name: str
    variants: Mapping[str, type[C]]
    chosen_by: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)

    def read(self, given: Mapping[str, object]) -> C:
        """Return the config of dotted names and values; what is not given keeps its default.

        Raises SettingError with every unknown name and every value out of its bounds.
        """
        return self._built(*self._parsed(given))

    def check(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Return the given settings with their values parsed, or raise SettingError as `read`."""
        variant, values = self._parsed(given)
        self._built(variant, values)
        return values

    def stored(self, values: Mapping[str, Any]) -> C:
        """Return the config that a card or a run holds, as nested tables or under dotted names.

        Names of before are mapped. Cards of before also held the settings of other variants, which
        decided nothing: those are left out.
        """
        given = {self.renamed.get(name, name): value for name, value in flat(values).items()}
        own = self._types[self._variant(given)]
        # Names that no variant knows stay, and are refused by `read`.
        others = {name for types in self._types.values() for name in types} - {*own}
        return self.read({name: value for name, value in given.items() if name not in others})

    def settings(self) -> list[Setting]:
        """Return every setting of every variant once, in the order of their declaration."""
        texts = [meanings(variant) for variant in self.variants.values()]
        return [
            self._setting(name, next((text[name] for text in texts if name in text), ""))
            for name in dict.fromkeys(name for types in self._types.values() for name in types)
        ]

    @cached_property
    def _types(self) -> dict[str, dict[str, ValueType]]:
        return {name: leaves(variant) for name, variant in self.variants.items()}

    def _parsed(self, given: Mapping[str, object]) -> tuple[str, dict[str, Any]]:
        problems, values = {}, {}
        variant = self._variant(given)
        known = self._types[variant]
        for name, value in given.items():
            try:
                if name not in known:
                    raise ValueError(self._unknown(name, variant))
                values[name] = known[name].read(value)
            except ValueError as error:
                problems[name] = str(error)
        if problems:
            raise SettingError(problems)
        return variant, values

    def _built(self, variant: str, values: Mapping[str, Any]) -> C:
        """Return the config of parsed values; a group's defaults are those of this variant."""
        config = self.variants[variant]
        own = {name: value for name, value in values.items() if "." not in name}
        defaults: dict[str, Any] = {each.name: each.default for each in fields(config)}
        for group in groups(config):
            inner = {
                name.removeprefix(f"{group}."): value
                for name, value in values.items()
                if name.startswith(f"{group}.")
            }
            try:
                # From the variant's default and not the group's own: variants differ in them.
                own[group] = replace(defaults[group], **inner)
            except SettingError as error:
                named = {f"{group}.{name}": why for name, why in error.problems.items()}
                raise SettingError(named) from error
        return config(**own)

    def _variant(self, given: Mapping[str, object]) -> str:
        first = next(iter(self.variants))
        if self.chosen_by not in given:
            return first
        for name, types in self._types.items():
            try:
                types[self.chosen_by].read(given[self.chosen_by])
            except ValueError:
                continue
            return name
        choices = ", ".join(_choices(types[self.chosen_by] for types in self._types.values()))
        problem = f"{given[self.chosen_by]!r} is not one of {choices}"
        raise SettingError({self.chosen_by: problem})

    def _unknown(self, name: str, variant: str) -> str:
        """Return what to write instead of a name that this variant does not know."""
        if name in self.renamed:
            return f"unknown setting; it is called {self.renamed[name]} now"
        having = [other for other, types in self._types.items() if name in types]
        if having:
            return f"is a setting of {', '.join(having)}, not of {variant}"
        known = self._types[variant]
        # By the last part too: `learning_rate` is to find `optim.learning_rate`.
        last = {full.rpartition(".")[2]: full for full in known}
        near = [
            *get_close_matches(name, known, n=2),
            *(last[part] for part in get_close_matches(name.rpartition(".")[2], last, n=2)),
        ]
        hint = " or ".join(dict.fromkeys(near)) or "one of " + ", ".join(known)
        return f"unknown setting; did you mean {hint}?"

    def _setting(self, name: str, meaning: str) -> Setting:
        having = {key: types[name] for key, types in self._types.items() if name in types}
        types = list(having.values())
        choices = _choices(types)
        return Setting(
            name=name,
            type="choice"
            if choices
            else NAMES[types[0].base].removeprefix("a ").removeprefix("an "),
            choices=choices,
            bounds=str(types[0].bounds),
            optional=types[0].optional,
            meaning=meaning,
            defaults={key: _default(self.variants[key], name) for key in having},
        )


def _choices(types: Iterable[ValueType]) -> tuple[str, ...]:
    """Return the choices of all variants together; none where one of them takes any text."""
    found = [kind.choices for kind in types]
    return tuple(dict.fromkeys(choice for each in found for choice in each)) if all(found) else ()


def _default(variant: type[Config], name: str) -> Any:
    """Return a setting's default in a variant; None where it must be given."""
    group, _, inner = name.rpartition(".")
    value = {each.name: each.default for each in fields(variant)}[group or name]
    found = getattr(value, inner) if group else value
    return None if found is MISSING else found
