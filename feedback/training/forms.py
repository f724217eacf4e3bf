"""Forms of runs and schedules: one optional field a setting of the kind, blank for the default."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback.errors import ApplicationError, InvalidError
from feedback.training.models import Kind
from feedback.training.run_settings import default_text, settings_offered
from trainers.settings.kind import Setting

TRUE_OR_FALSE = "true or false"  # the type of a setting, and its two values
TRUTHS = ("true", "false")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingGroup:
    """Settings that belong together: `optim.…`; those of no group come first, without a name."""

    name: str
    fields: tuple[forms.BoundField, ...]

    @property
    def is_open(self) -> bool:
        """Return whether a field of the group was filled or refused, so that it must be seen."""
        return any(field.errors or field.value() for field in self.fields)


class SettingsForm(forms.Form):
    """The settings of a kind. What is left blank keeps its default and is not stored."""

    use_required_attribute = False

    def __init__(self, kind: Kind, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.kind = kind
        self.settings = settings_offered(kind)
        self.fields |= {setting.name: _field(kind, setting) for setting in self.settings}

    def groups(self) -> Iterator[SettingGroup]:
        """Yield the fields of settings by group, in the order of their declaration."""
        names: dict[str, list[str]] = {"": []}
        for setting in self.settings:
            names.setdefault(setting.name.rpartition(".")[0], []).append(setting.name)
        for group, members in names.items():
            yield SettingGroup(name=group, fields=tuple(self[name] for name in members))

    def require_valid(self) -> None:
        """Raise InvalidError with what is wrong with each field, if anything is."""
        if not self.is_valid():
            problems = {name: " ".join(map(str, why)) for name, why in self.errors.items()}
            raise InvalidError(problems, " ".join(problems.values()))

    def given(self) -> dict[str, str]:
        """Return the settings that were filled in, as text; `settings_checked` reads them."""
        texts = {setting.name: self.cleaned_data[setting.name] for setting in self.settings}
        return {name: text for name, text in texts.items() if text}

    def refuse(self, error: ApplicationError) -> None:
        """Show an error beside the fields that it names, or above them all."""
        for name, why in (error.fields or {}).items():
            if not self.has_error(name):
                self.add_error(name if name in self.fields else None, why)
        if not error.fields:
            self.add_error(None, error.message)


class RunForm(SettingsForm):
    """A run with its seed."""

    seed = forms.IntegerField(label=gettext_lazy("Seed"), required=False, initial=0)


class ScheduleForm(SettingsForm):
    """A schedule: when, and with which settings."""

    every_hours = forms.IntegerField(
        label=gettext_lazy("Every … hours"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "size": 4}),
        error_messages={"invalid": gettext_lazy("Enter a whole number of hours.")},
    )
    cron = forms.CharField(
        label=gettext_lazy("or by a cron line, UTC"),
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "10 3 * * *", "size": 14}),
    )


def _field(kind: Kind, setting: Setting) -> forms.Field:
    """Return the field of a setting; its text says meaning, bounds and default."""
    default = _("Default: %s.") % default_text(kind, setting)
    words = [setting.meaning, setting.bounds]
    text = "; ".join(word for word in words if word)
    text = f"{text[:1].upper()}{text[1:]}. {default}"
    choices = setting.choices or (TRUTHS if setting.type == TRUE_OR_FALSE else ())
    if choices:
        offered = [("", _("default")), *((choice, choice) for choice in choices)]
        return forms.ChoiceField(
            label=setting.name, help_text=text, required=False, choices=offered
        )
    return forms.CharField(label=setting.name, help_text=text, required=False)
