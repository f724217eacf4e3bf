"""A served model: what answers under a name, and what is told of it."""

from dataclasses import dataclass, field
from typing import Any

from trainers.reward.score import Scorer
from trainers.serve.policies import ServedPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """An artifact or a packaged checkpoint, loaded as what its kind can do.

    created  when it was made, in seconds since 1970
    about    what `/v1/models` says beside OpenAI's fields
    """

    name: str
    kind: str
    digest: str
    created: int = 0
    about: dict[str, Any] = field(default_factory=dict)
    policy: ServedPolicy | None = None
    scorer: Scorer | None = None

    def summary(self) -> dict[str, str]:
        """Return what `/healthz` says of it."""
        return {"name": self.name, "kind": self.kind, "digest": self.digest}
