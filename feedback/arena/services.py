"""Writes of the arena: ask, go on, stop, try again, judge."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from feedback.arena.candidates import answerable_versions, live_versions
from feedback.arena.recorded import recorded_answer, recorded_question
from feedback.arena.selectors import (
    ARENA,
    comparison_of,
    exchange_from,
    exchange_of,
)
from feedback.arena.writing import answer_check
from feedback.errors import ConflictError, UnavailableError
from feedback.people.models import Contributor
from feedback.people.selectors import consent_required, rater_of
from feedback.pool.content import messages_hash, text_hash
from feedback.pool.judgment import Judgment
from feedback.pool.models import (
    Comparison,
    ComparisonOrigin,
    Conversation,
    Order,
    OriginKind,
    Preference,
    PreferenceState,
    RaterRole,
    Response,
    ResponseState,
    Turn,
)
from feedback.pool.services import Provenance, preference_record
from feedback.pool.shown import stored_choice
from feedback.registry.models import ModelVersion, ProviderKind
from feedback.routing.services import models_route

Messages = Sequence[Mapping[str, Any]]


def conversation_start(*, contributor: Contributor, messages: Messages) -> Conversation:
    """A new conversation whose first prompt two models answer."""
    candidates = answerable_versions(messages)
    _require_two(candidates)
    with transaction.atomic():
        conversation = Conversation.objects.create(contributor=contributor, source=ARENA)
        _turn_add(conversation, 0, messages, candidates)
    return conversation


def conversation_continue(*, conversation: Conversation, text: str) -> None:
    """Ask both models a follow-up; they both go on from the better answer."""
    with transaction.atomic():
        locked = Conversation.objects.select_for_update().get(pk=conversation.pk)
        exchange = exchange_of(locked)
        if exchange.preference is None:
            raise ConflictError("not_judged", "Judge these two answers first.")
        messages = [
            *exchange.turn.messages,
            {"role": "assistant", "content": exchange.better.text},
            {"role": "user", "content": text},
        ]
        pair = {response.version_id for response in exchange.responses}
        candidates = [v for v in answerable_versions(messages) if v.id in pair]
        _require_two(candidates)
        _turn_add(locked, exchange.turn.position + 1, messages, candidates)


def _require_two(candidates: Sequence[ModelVersion]) -> None:
    if len(candidates) >= 2:
        return
    if candidates:
        words = "Only one model can answer this now, and a comparison needs two."
    elif live_versions().exists():
        words = "No model can answer now."
    else:
        words = "No model here can answer a new question now; a recorded one can be asked."
    raise UnavailableError("too_few_models", f"{words} We kept your message.")


def _turn_add(
    conversation: Conversation,
    position: int,
    messages: Messages,
    candidates: Sequence[ModelVersion],
) -> None:
    question = recorded_question(messages)
    turn = Turn.objects.create(
        conversation=conversation,
        position=position,
        messages=list(messages),
        content_hash=messages_hash(messages),
        language=question.language if question else "",
    )
    if question:
        turn.topics.set(question.topics.all())
    routed = models_route(
        messages=[dict(message) for message in messages],
        candidates=candidates,
        contributor=conversation.contributor,
        turn=turn,
    )
    first, second = (_response_begin(turn, candidate.version) for candidate in routed.chosen)
    comparison = Comparison.objects.create(
        turn=turn,
        response_a=first,
        response_b=second,
        version_a=first.version,
        version_b=second.version,
        unranked_reason="revealed" if position else "",  # a follow-up comes after the names
    )
    ComparisonOrigin.objects.create(comparison=comparison, kind=OriginKind.ARENA, source=ARENA)
    for response in (first, second):
        if response.state == ResponseState.FINISHED:
            answer_check(response)


def _response_begin(turn: Turn, version: ModelVersion) -> Response:
    """A recorded answer at once, or the row that an answer will be written into."""
    response = Response(
        turn=turn,
        version=version,
        source=ARENA,
        text_hash=text_hash(""),
        licence=version.output_licence,
        sampling=version.sampling,
        state=ResponseState.WRITING,
    )
    if version.provider and version.provider.kind == ProviderKind.REPLAY:
        recorded = recorded_answer(turn.messages, version.id)
        if recorded is None:
            raise UnavailableError("no_recording", "The recorded answer is gone. Ask once more.")
        response.text, response.licence = recorded.text, recorded.licence
        response.sampling = {"replay_of": recorded.public_id}
        response.state = ResponseState.FINISHED
    response.save()
    return response


def answers_stop(*, conversation: Conversation) -> None:
    """End the answers that are still being written, where there is text to judge."""
    with transaction.atomic():
        writing = Response.objects.select_for_update(of=("self",)).select_related("version")
        turn = exchange_of(conversation).turn
        for response in writing.filter(turn=turn, state=ResponseState.WRITING).exclude(text=""):
            response.state = ResponseState.STOPPED
            response.save(update_fields=["state"])
            answer_check(response)


def answers_retry(*, conversation: Conversation) -> None:
    """Ask once more for the answers that did not arrive."""
    failed = exchange_of(conversation).turn.responses.filter(state=ResponseState.FAILED)
    failed.update(state=ResponseState.WRITING, writing_until=None, text="", error="")


def comparison_judge(
    *,
    contributor: Contributor,
    public_id: str,
    choice: str,
    idempotency_key: str,
    duration_ms: int | None = None,
) -> tuple[Preference, bool]:
    """Put the author's judgment into the pool and lift the veil over the names."""
    consent = consent_required(contributor)
    comparison = comparison_of(contributor=contributor, public_id=public_id)
    exchange = exchange_from(comparison)
    if not exchange.is_complete:
        raise ConflictError("still_writing", "You can judge when both answers have finished.")
    if exchange.preference and exchange.preference.state == PreferenceState.WITHDRAWN:
        raise ConflictError("withdrawn", "You withdrew your judgment of these answers.")
    with transaction.atomic():
        recorded = preference_record(
            comparison=comparison,
            rater=rater_of(contributor),
            judgment=Judgment(
                choice=stored_choice(choice, Order.AB),
                order_shown=Order.AB,
                duration_ms=duration_ms,
            ),
            idempotency_key=idempotency_key,
            provenance=Provenance(source=ARENA, consent=consent, role=RaterRole.AUTHOR),
        )
        hidden = Conversation.objects.filter(pk=comparison.turn.conversation_id, revealed_at=None)
        hidden.update(revealed_at=timezone.now())
    return recorded
