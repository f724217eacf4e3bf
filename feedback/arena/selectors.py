"""Reads of the arena: a contributor's conversation, its newest turn, what came of it."""

from dataclasses import dataclass

from django.db.models import QuerySet

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
        """Whether both answers are there to judge."""
        return all(response.state in COMPLETE for response in self.responses)

    @property
    def is_writing(self) -> bool:
        """Whether an answer may still come."""
        return any(response.state == ResponseState.WRITING for response in self.responses)

    @property
    def has_failed(self) -> bool:
        """Whether an answer did not arrive."""
        return any(response.state == ResponseState.FAILED for response in self.responses)

    @property
    def can_stop(self) -> bool:
        """Whether all that is missing is the end of a text."""
        return self.is_writing and all(response.text for response in self.responses)

    @property
    def better(self) -> Response:
        """The answer that a follow-up goes on from: the first where neither was better."""
        second = self.preference is not None and self.preference.choice == Choice.B
        return self.responses[int(second)]


def conversation_find(*, contributor: Contributor, public_id: str) -> Conversation:
    """The contributor's own conversation; others do not learn that it exists."""
    own = Conversation.objects.filter(contributor=contributor, source=ARENA)
    found = own.filter(public_id=public_id).first() if public_id.isalnum() else None
    if found is None:
        raise NotFoundError("unknown_conversation", "There is no such conversation of yours.")
    return found


def comparison_of(*, contributor: Contributor, public_id: str) -> Comparison:
    """A comparison of the contributor's own conversation."""
    own = _comparisons().filter(
        turn__conversation__contributor=contributor, turn__conversation__source=ARENA
    )
    found = own.filter(public_id=public_id).first() if public_id.isalnum() else None
    if found is None:
        raise NotFoundError("unknown_comparison", "There is no such comparison of yours.")
    return found


def exchange_of(conversation: Conversation) -> Exchange:
    """The newest turn of a conversation."""
    newest = _comparisons().filter(turn__conversation=conversation).order_by("-turn__position")
    return exchange_from(newest[0])


def exchange_from(comparison: Comparison) -> Exchange:
    """All that belongs to a comparison of the arena."""
    first, second = comparison.response_a, comparison.response_b
    if first is None or second is None:
        raise NotFoundError("unknown_comparison", "This comparison has no answers.")
    return Exchange(
        turn=comparison.turn,
        comparison=comparison,
        responses=(first, second),
        preference=Preference.objects.filter(
            comparison=comparison, rater__contributor=comparison.turn.conversation.contributor
        ).first(),
        route=ModelRoute.objects.filter(turn=comparison.turn).first(),
    )


def _comparisons() -> QuerySet[Comparison]:
    return Comparison.objects.select_related(
        "turn__conversation__contributor",
        "response_a__version__model",
        "response_b__version__model",
    )
