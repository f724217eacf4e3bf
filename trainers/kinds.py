"""Every kind of model that `python -m trainers` trains, with its settings; imports no torch.

What a form, a schedule or a request offers and checks is read from here.
"""

from collections.abc import Mapping
from typing import Any

from trainers.embedding.config import EMBEDDING
from trainers.policy.config import POLICY
from trainers.ranking.config import RANKING
from trainers.reward.config import REWARD
from trainers.settings.kind import Kind, Setting

KINDS: Mapping[str, Kind[Any]] = {kind.name: kind for kind in (REWARD, POLICY, EMBEDDING, RANKING)}


def settings_of(kind: str) -> list[Setting]:
    """Return every setting of a kind."""
    return KINDS[kind].settings()


def check_settings(kind: str, given: Mapping[str, object]) -> dict[str, Any]:
    """Return the given settings, by dotted name, with their values parsed.

    Values may be text, as in `--set optim.learning_rate=3e-4`, or have their type already.
    Raises SettingError, an InputError whose `problems` say by name what is wrong.
    """
    return KINDS[kind].check(given)
