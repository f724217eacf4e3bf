"""Writes of a duel: ask, go on, stop, try again, ask another model."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from feedback.arena.answers.candidates import answerable_versions, choosable_versions
from feedback.arena.answers.turns import Messages, response_begin, turn_create
from feedback.arena.answers.writing import answer_check, unranked_reason
from feedback.arena.selectors import ARENA, exchange_of
from feedback.errors import ConflictError, UnavailableError
from feedback.people.models import Contributor
from feedback.pool.models import (
    Comparison,
    ComparisonOrigin,
    Conversation,
    OriginKind,
    Response,
    ResponseState,
    Turn,
)
from feedback.pool.reveal import REVEALED
from feedback.registry.health import live_versions
from feedback.registry.models import ModelVersion
from feedback.registry.readiness import is_withheld
from feedback.routing.constraints import ANY, Constraints
from feedback.routing.models import PolicyName
from feedback.routing.services import models_route


def conversation_start(
    *, contributor: Contributor, messages: Messages, key: str, constraints: Constraints = ANY
) -> Conversation:
    """Begin a conversation whose first prompt two models answer; `key`: its public identifier."""
    candidates = choosable_versions(messages)
    require(candidates, 2)
    with transaction.atomic():
        conversation = Conversation.objects.create(
            contributor=contributor, source=ARENA, public_id=key
        )
        turn = turn_create(conversation=conversation, messages=messages)
        routed = models_route(
            messages=[dict(message) for message in messages],
            candidates=candidates,
            constraints=constraints,
            contributor=contributor,
            turn=turn,
        )
        first, second = (
            response_begin(turn=turn, version=chosen.version) for chosen in routed.chosen
        )
        _compare(turn, first, second)
    return conversation


def conversation_continue(*, conversation: Conversation, text: str) -> None:
    """Ask both models a follow-up.

    Before a judgment each goes on from its own answer; after one, both from the better answer.
    """
    with transaction.atomic():
        locked = Conversation.objects.select_for_update().get(pk=conversation.pk)
        exchange = exchange_of(locked)
        if not exchange.is_complete:
            raise ConflictError("still_writing", _("You can go on when both answers are there."))
        asked = {"role": "user", "content": text}
        one, two = ([*history, asked] for history in exchange.histories)
        versions = [response.version for response in exchange.responses]
        able = [
            version
            for version, history in zip(versions, (one, two), strict=True)
            if version and version in answerable_versions(history)
        ]
        require(able, 2)
        same = one == two
        turn = turn_create(conversation=locked, messages=one if same else _asked(one))
        first, second = (
            response_begin(turn=turn, version=version, own_messages=None if same else own)
            for version, own in zip(able, (one, two), strict=True)
        )
        _compare(turn, first, second)


def _asked(messages: Messages) -> Messages:
    """Return what both models were told: the person's own messages."""
    return [message for message in messages if message["role"] != "assistant"]


def require(candidates: Sequence[ModelVersion], wanted: int) -> None:
    """Raise UnavailableError where fewer models than are wanted can answer."""
    if len(candidates) >= wanted:
        return
    if candidates:
        words = _("Only one model can answer this now, and a comparison needs two.")
    elif live_versions().exists():
        words = _("No model can answer now.")
    elif is_withheld():
        words = _("The models here are not ready yet. Send it again in a moment.")
    else:
        words = _("No model here can answer a new question now; a recorded one can be asked.")
    raise UnavailableError("too_few_models", f"{words} {_('We kept your message.')}")


def _compare(turn: Turn, first: Response, second: Response) -> None:
    """Make the pair to judge; it has the two texts where both answer the same messages."""
    same = first.own_messages is None
    comparison = Comparison.objects.create(
        turn=turn,
        response_a=first if same else None,
        response_b=second if same else None,
        version_a=first.version,
        version_b=second.version,
        unranked_reason=_unranked(turn, first, second),
    )
    ComparisonOrigin.objects.create(comparison=comparison, kind=OriginKind.ARENA, source=ARENA)


def _unranked(turn: Turn, *responses: Response) -> str:
    if turn.conversation.revealed_at:
        return REVEALED
    return next(filter(None, map(unranked_reason, responses)), "")


def answers_stop(*, turn: Turn) -> None:
    """Take what is there as the answer: of one still being written, or one that broke off."""
    with transaction.atomic():
        rows = Response.objects.select_for_update(of=("self",)).select_related("version")
        open_states = (ResponseState.WRITING, ResponseState.FAILED)
        for response in rows.filter(turn=turn, state__in=open_states).exclude(text=""):
            response.state = ResponseState.STOPPED
            response.save(update_fields=["state"])
            answer_check(response)


def answers_retry(*, turn: Turn) -> None:
    """Ask the same models once more for the answers that did not arrive."""
    failed = turn.responses.filter(state=ResponseState.FAILED)
    failed.update(state=ResponseState.WRITING, writing_until=None, text="", error="")


def answers_replace(*, conversation: Conversation) -> None:
    """Ask other models for the answers that did not arrive; the places stay as they were."""
    with transaction.atomic():
        locked = Conversation.objects.select_for_update().get(pk=conversation.pk)
        exchange = exchange_of(locked)
        sides = zip(("a", "b"), exchange.responses, strict=True)
        failed = [(side, answer) for side, answer in sides if answer.state == ResponseState.FAILED]
        replaced = [_replace(exchange.comparison, side, answer) for side, answer in failed]
        if failed and not any(replaced):
            raise UnavailableError("too_few_models", _("No other model can answer this now."))


def _replace(comparison: Comparison, side: str, failed: Response) -> bool:
    """Replace an answer that failed by another model's; say whether there was one."""
    turn = comparison.turn
    asked = set(turn.responses.values_list("version_id", flat=True))
    others = [v for v in choosable_versions(failed.prompt) if v.id not in asked]
    if not others:
        return False
    routed = models_route(
        messages=failed.prompt,
        candidates=others,
        k=1,
        policy=PolicyName.EXPLORE,
        contributor=turn.conversation.contributor,
        turn=turn,
    )
    version = routed.chosen[0].version
    response = response_begin(turn=turn, version=version, own_messages=failed.own_messages)
    setattr(comparison, f"version_{side}", version)
    if failed.own_messages is None:
        setattr(comparison, f"response_{side}", response)
    comparison.unranked_reason = comparison.unranked_reason or _unranked(turn, response)
    comparison.save()
    return True
