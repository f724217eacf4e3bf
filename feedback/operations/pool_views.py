"""The operator's view of the pool: search it, and look at one comparison with all that is known."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from feedback.operations.pool_search import (
    PAGE,
    comparison_get,
    comparisons_found,
    comparisons_like,
    judgments_of,
)
from feedback.operations.rewards import rewards_of
from feedback.people.authentication import operator_required
from feedback.pool.models import Comparison
from feedback.routing.prompt_vectors.store import EncoderChangedError


@require_GET
@operator_required
def pool(request: HttpRequest) -> HttpResponse:
    """Show comparisons, the newest first, or those whose prompt holds the words asked for."""
    text = request.GET.get("q", "").replace("\x00", "")
    try:
        before = uuid.UUID(request.GET["before"]) if "before" in request.GET else None
    except ValueError:
        before = None
    found = comparisons_found(text, before)
    more = found[-1].pk if len(found) == PAGE else None
    return render(request, "operations/pool.html", {"q": text, "found": found, "more": more})


@require_GET
@operator_required
def comparison(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show both answers with their models and rewards, the consensus, and every judgment."""
    shown = comparison_get(public_id)
    responses = [shown.response_a, shown.response_b]
    rewards = rewards_of([one for one in responses if one is not None])
    scores = rewards.scores or (None, None)
    context = {
        "comparison": shown,
        "messages_shown": shown.turn.messages,
        "answers": list(zip(("a", "b"), responses, scores, strict=True)),
        "rewards": rewards,
        "consensus": getattr(shown, "consensus", None),
        "judgments": judgments_of(shown),
        **_like(shown),
    }
    return render(request, "operations/comparison.html", context)


def _like(shown: Comparison) -> dict[str, object]:
    """Return comparisons on prompts like this one, or why there are none."""
    try:
        return {"like": comparisons_like(shown)}
    except EncoderChangedError as error:
        return {"like_trouble": error.message}
