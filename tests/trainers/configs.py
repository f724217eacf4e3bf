"""Configs with some settings changed, by the dotted names of the command line."""

from collections.abc import Mapping
from typing import Any, TypeVar

from trainers.kinds import KINDS
from trainers.settings.config import Config, as_json, flat

C = TypeVar("C", bound=Config)


def changed(config: C, settings: Mapping[str, Any]) -> C:
    """Return the config with these settings in place of its own."""
    [kind] = [kind for kind in KINDS.values() if isinstance(config, tuple(kind.variants.values()))]
    made: C = kind.read(flat(as_json(config)) | dict(settings))
    return made
