"""Ask the inference server what the live reward model says of answers.

A page never waits long for it: past the deadline the rewards are simply not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from django.conf import settings

from feedback.pool.models import Response
from feedback.training.models import Checkpoint, Kind

DEADLINE_SECONDS = 3.0
MODEL = "reward"


@dataclass(frozen=True, slots=True)
class Rewards:
    """Scores in the order of the responses, empty where there are none, and whose they are."""

    checkpoint: Checkpoint | None
    scores: tuple[float, ...] = ()

    @property
    def gap(self) -> float | None:
        """Return r(first) - r(second) of two responses."""
        return self.scores[0] - self.scores[1] if len(self.scores) == 2 else None


def rewards_of(responses: Sequence[Response]) -> Rewards:
    """Return the live reward model's score of each response to its own prompt."""
    live = Checkpoint.objects.live(Kind.REWARD).first()
    if live is None or not responses:
        return Rewards(live)
    items = [{"messages": one.turn.messages, "response": one.text} for one in responses]
    try:
        answer = httpx.post(
            f"{settings.SCORE_URL.rstrip('/')}/score",
            json={"model": MODEL, "items": items},
            timeout=DEADLINE_SECONDS,
            trust_env=False,
        )
        answer.raise_for_status()
        scores = tuple(float(score) for score in answer.json()["scores"])
    except (httpx.HTTPError, LookupError, ValueError, TypeError):
        return Rewards(live)
    return Rewards(live, scores if len(scores) == len(responses) else ())
