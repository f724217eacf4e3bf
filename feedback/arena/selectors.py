"""Reads of a duel: a contributor's conversation, its newest turn, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.errors import NotFoundError
from feedback.people.models import Contributor
from feedback.pool.models import (
    Choice,
    Comparison,
    Conversation,
    Preference,
    Response,
    ResponseState,
    Turn,
)
from feedback.routing.models import ModelRoute

ARENA = "arena"  # the source of these conversations and judgments
COMPLETE = (ResponseState.FINISHED, ResponseState.STOPPED)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A prompt, its two answers in the order shown, and the judgment, if there is one."""

    turn: Turn
    comparison: Comparison
    responses: tuple[Response, Response]
    preference: Preference | None
    route: ModelRoute | None

    @property
    def is_complete(self) -> bool:
        """Say whether both answers are there to judge."""
        return all(response.state in COMPLETE for response in self.responses)

    @property
    def better(self) -> Response:
        """Return the answer that was judged better: the first where neither was."""
        second = self.preference is not None and self.preference.choice == Choice.B
        return self.responses[int(second)]

    @property
    def histories(self) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """Return the messages of each model; both go on from the better answer, if judged."""
        first, second = (self.better,) * 2 if self.preference else self.responses
        return _history(first), _history(second)


def _history(response: Response) -> list[dict[str, str]]:
    return [*response.prompt, {"role": "assistant", "content": response.text}]


def has_failed(responses: Sequence[Response]) -> bool:
    """Say whether an answer did not arrive."""
    return any(response.state == ResponseState.FAILED for response in responses)


def can_stop(responses: Sequence[Response]) -> bool:
    """Say whether all that is missing is the end of a text."""
    ends = all(response.state in COMPLETE for response in responses)
    return not ends and all(response.text for response in responses)


def letters_shown(responses: Sequence[Response]) -> list[int | None]:
    """Return how many letters of each answer may be displayed; None: all that there are.

    A recorded answer is there at once. It is displayed as fast as the one beside it is or was
    written, so that speed does not say which is which.
    """
    paces = [pace for one in responses if (pace := _pace(one)) is not None]
    if not paces:
        return [None] * len(responses)
    pace = min(paces)
    return [pace if _is_recorded(one) and len(one.text) > pace else None for one in responses]


def _pace(response: Response) -> int | None:
    """Return how many letters a written answer would have by now, had it not ended."""
    if _is_recorded(response):
        return None
    if response.state == ResponseState.WRITING:
        return len(response.text)
    if response.state != ResponseState.FINISHED or not response.latency_ms:
        return None
    since = (timezone.now() - response.created_at) / timedelta(milliseconds=response.latency_ms)
    return int(len(response.text) * since)


def _is_recorded(response: Response) -> bool:
    return "replay_of" in response.sampling


def conversation_find(*, contributor: Contributor, public_id: str) -> Conversation:
    """Return the contributor's own conversation; others do not learn that it exists.

    Raises NotFoundError.
    """
    own = Conversation.objects.filter(contributor=contributor, source=ARENA)
    missing = _("There is no such conversation of yours.")
    return get_or_not_found(own, "unknown_conversation", missing, public_id=public_id)


def comparison_of(*, contributor: Contributor, public_id: str) -> Comparison:
    """Return a comparison of the contributor's own conversation; raises NotFoundError."""
    own = _comparisons().filter(
        turn__conversation__contributor=contributor, turn__conversation__source=ARENA
    )
    missing = _("There is no such comparison of yours.")
    return get_or_not_found(own, "unknown_comparison", missing, public_id=public_id)


def newest_turn(conversation: Conversation) -> Turn:
    """Return the prompt that a conversation stands at."""
    return conversation.turns.latest("position")


def exchange_of(conversation: Conversation) -> Exchange:
    """Return the newest turn of a conversation; raises NotFoundError where none compares."""
    found = _comparisons().filter(turn__conversation=conversation).order_by("-turn__position")
    newest = found.first()
    if newest is None:
        raise NotFoundError("unknown_comparison", _("Nothing is compared in this conversation."))
    return exchange_from(newest)


def exchange_from(comparison: Comparison) -> Exchange:
    """Return all that belongs to a comparison of the arena."""
    return Exchange(
        turn=comparison.turn,
        comparison=comparison,
        responses=responses_of(comparison),
        preference=Preference.objects.current()
        .filter(comparison=comparison, rater__contributor=comparison.turn.conversation.contributor)
        .first(),
        route=ModelRoute.objects.filter(turn=comparison.turn).order_by("created_at").first(),
    )


def responses_of(comparison: Comparison) -> tuple[Response, Response]:
    """Return the two answers; where their histories differ, the comparison has only the models."""
    if comparison.response_a and comparison.response_b:
        return comparison.response_a, comparison.response_b
    written = Response.objects.filter(turn=comparison.turn_id).select_related(
        "version__model", "turn"
    )
    newest = {response.version_id: response for response in written.order_by("sample_index")}
    return newest[comparison.version_a_id], newest[comparison.version_b_id]


def _comparisons() -> QuerySet[Comparison]:
    return Comparison.objects.select_related(
        "turn__conversation__contributor",
        "response_a__version__model",
        "response_a__turn",
        "response_b__version__model",
        "response_b__turn",
    )
