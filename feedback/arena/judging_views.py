"""Feedback on answers: the judgment, more about it, a thumb, a better text."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from feedback.arena.assist import Reply, answer_react, response_of
from feedback.arena.conversations import conversation_context
from feedback.arena.forms import choice_of, edit_of, extras_of
from feedback.arena.judging import comparison_judge, judgment_extend
from feedback.arena.presentation import reply_views
from feedback.arena.views import after, to_conversation
from feedback.errors import ApplicationError, ConflictError
from feedback.people.authentication import contributor_of, contributor_required
from feedback.pool.models import Mode, ReactionKind, Response
from feedback.web.http import HtmxRequest


@require_POST
@contributor_required
def judge(request: HtmxRequest) -> HttpResponse:
    """Save the judgment, and only then reveal the models' names."""
    exchange = comparison_judge(
        contributor=contributor_of(request),
        public_id=request.POST.get("comparison", ""),
        idempotency_key=request.POST.get("key", ""),
        **choice_of(request.POST),
    )
    return after(request, exchange.turn.conversation)


@require_POST
@contributor_required
def extras(request: HtmxRequest) -> HttpResponse:
    """Save what a person says beside the choice."""
    exchange = judgment_extend(
        contributor=contributor_of(request),
        public_id=request.POST.get("comparison", ""),
        of=request.POST.get("of", ""),
        extras=extras_of(request.POST),
        key=request.POST.get("key", ""),
    )
    own = exchange.turn.conversation
    if not request.htmx:
        return to_conversation(own)
    return render(request, "arena/extras.html", conversation_context(own) | {"thanks": True})


@require_POST
@contributor_required
def thumb(request: HtmxRequest, public_id: str) -> HttpResponse:
    """Save a thumb up or down on an answer whose model is known."""
    response = _reactable(request, public_id)
    answer_react(
        contributor=contributor_of(request),
        public_id=public_id,
        kind=ReactionKind.THUMB,
        value=request.POST.get("value"),
    )
    return _reacted(request, response)


@require_POST
@contributor_required
def edit(request: HtmxRequest, public_id: str) -> HttpResponse:
    """Save the text as it should have been."""
    response = _reactable(request, public_id)
    text = edit_of(request.POST)
    if text.strip() == response.text.strip():
        raise ApplicationError("unchanged", _("The answer is unchanged. Edit it first."))
    contributor = contributor_of(request)
    answer_react(contributor=contributor, public_id=public_id, kind=ReactionKind.EDIT, value=text)
    return _reacted(request, response, edited=True)


def _reactable(request: HtmxRequest, public_id: str) -> Response:
    """Return an answer of one's own whose model is known.

    Raises ConflictError before a judgment: an opinion of one answer would tell of both.
    """
    response = response_of(contributor=contributor_of(request), public_id=public_id)
    if response.turn.conversation.revealed_at is None:
        raise ConflictError("not_judged", _("Judge these two answers first."))
    return response


def _reacted(request: HtmxRequest, response: Response, *, edited: bool = False) -> HttpResponse:
    """Show what was reacted to as it is now: for htmx the part of the page, else the page."""
    turn = response.turn
    own = turn.conversation
    if not request.htmx:
        return to_conversation(own)
    if own.mode == Mode.DUEL:
        return render(request, "arena/edit.html", conversation_context(own) | {"edited": edited})
    (answer,) = reply_views([Reply(turn, (response,))])
    context = {"answer": answer, "turn": turn, "solo": True, "edited": edited}
    return render(request, "arena/answer.html", context)
