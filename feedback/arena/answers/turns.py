"""A prompt of the arena, and the rows that its answers are written into.

Whoever wants an answer of a model makes a turn, begins a response for each model, and hands the
turn to `writing.answers_continue`; `response_begin` and that one are all that the gateway needs of
the arena.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from feedback.arena.answers.recorded import recorded_answer, recorded_question
from feedback.arena.answers.writing import answer_check
from feedback.errors import UnavailableError
from feedback.pool.hashing import messages_hash, text_hash
from feedback.pool.models import Conversation, Response, ResponseState, Turn
from feedback.registry.models import ModelVersion, ProviderKind

Messages = Sequence[Mapping[str, Any]]


def turn_create(*, conversation: Conversation, messages: Messages) -> Turn:
    """Make the next prompt of a conversation, with the topics and language of its beginning."""
    first = conversation.turns.order_by("position").first()
    question = first or recorded_question(messages)
    turn = Turn.objects.create(
        conversation=conversation,
        position=conversation.turns.count(),
        messages=list(messages),
        content_hash=messages_hash(messages),
        language=question.language if question else "",
    )
    if question:
        turn.topics.set(question.topics.all())
    return turn


def response_begin(
    *, turn: Turn, version: ModelVersion, own_messages: Messages | None = None
) -> Response:
    """Make a recorded answer at once, or the row that an answer will be written into.

    `own_messages`: what this model is asked, where it is not what the turn says.
    """
    response = Response(
        turn=turn,
        version=version,
        sample_index=turn.responses.filter(version=version).count(),
        own_messages=None if own_messages is None else list(own_messages),
        source=turn.conversation.source,
        text_hash=text_hash(""),
        licence=version.output_licence,
        sampling=version.sampling,
        state=ResponseState.WRITING,
    )
    if version.provider and version.provider.kind == ProviderKind.REPLAY:
        _replay(response, version)
    response.save()
    if response.state == ResponseState.FINISHED:
        answer_check(response)
    return response


def _replay(response: Response, version: ModelVersion) -> None:
    recorded = recorded_answer(response.prompt, version.id)
    if recorded is None:
        words = _("The recorded answer is gone. Ask once more.")
        raise UnavailableError("no_recording", words)
    response.text, response.licence = recorded.text, recorded.licence
    response.sampling = {"replay_of": recorded.public_id}
    response.state = ResponseState.FINISHED
