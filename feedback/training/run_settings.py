"""The settings of a run: checked when it is asked for, stored by their dotted names."""

import math
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from feedback.errors import InvalidError
from feedback.training.models import Kind
from trainers.kinds import KINDS, check_settings, settings_of
from trainers.settings.config import SettingError
from trainers.settings.kind import Setting
from trainers.settings.values import as_text

Config = Mapping[str, Any]
REWARD_MODEL = "reward_model"  # of a policy: what scores its answers


def settings_checked(kind: Kind, given: Config) -> dict[str, Any]:
    """Return the given settings as JSON values of their types; those left out keep their defaults.

    Raises InvalidError that names every setting that is unknown (with the names near it), of
    another type or out of its bounds.
    """
    if "seed" in given:
        raise InvalidError({"seed": _("The seed is given as `seed`, beside the config.")})
    try:
        values = check_settings(kind, given)
    except SettingError as error:
        raise InvalidError(error.problems) from error
    return {name: _json(value) for name, value in values.items()}


def settings_offered(kind: Kind) -> list[Setting]:
    """Return the settings that a person may choose; the seed is asked for beside them."""
    return [setting for setting in settings_of(kind) if setting.name != "seed"]


def default_text(kind: Kind, setting: Setting) -> str:
    """Return the default in words; the site gives a policy's reward model one of its own."""
    if (kind, setting.name) == (Kind.POLICY, REWARD_MODEL):
        return _("the live reward model, where there is one")
    if setting.name == KINDS[kind].chosen_by:  # its value names the mode: the first one
        return as_text(setting.default)
    return setting.default_text


def _json(value: Any) -> Any:
    """Return a value that JSON can hold: infinity as the text that is read as infinity again."""
    return str(value) if isinstance(value, float) and math.isinf(value) else value
