"""The arena: ask, watch two answers come, judge them blind, see who wrote them."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback.arena.forms import choice_of, message_of
from feedback.arena.presentation import (
    exchange_context,
    problem_context,
    stage_of,
    start_context,
)
from feedback.arena.recorded import question_found
from feedback.arena.selectors import comparison_of, conversation_find, exchange_of
from feedback.arena.services import (
    answers_retry,
    answers_stop,
    comparison_judge,
    conversation_continue,
    conversation_start,
)
from feedback.arena.writing import answers_continue
from feedback.errors import ApplicationError, NotFoundError
from feedback.people.authentication import contributor_of, contributor_required
from feedback.pool.models import Conversation

START, PAGE, FRAGMENT = "arena/start.html", "arena/conversation.html", "arena/swap.html"


@never_cache
@require_safe
@contributor_required
def arena(request: HttpRequest) -> HttpResponse:
    """Something to ask: one's own words, an example, or a recorded question."""
    return render(request, START, start_context(request))


@require_POST
@contributor_required
def ask(request: HttpRequest) -> HttpResponse:
    """Begin a conversation; what cannot be answered comes back with the message kept."""
    try:
        conversation = conversation_start(
            contributor=contributor_of(request), messages=_messages(request)
        )
    except ApplicationError as error:
        context = start_context(request) | problem_context(error, request.POST.get("text", ""))
        return render(request, START, context, status=error.status)
    return _to(conversation)


def _messages(request: HttpRequest) -> list[dict[str, Any]]:
    if not (recorded := request.POST.get("recorded")):
        return [{"role": "user", "content": message_of(request.POST)}]
    question = question_found(recorded)
    if question is None:
        raise NotFoundError("unknown_question", "This recorded question is gone. Pick another.")
    return list(question.messages)


@never_cache
@require_safe
@contributor_required
def conversation(request: HttpRequest, public_id: str) -> HttpResponse:
    """A conversation of one's own, at its newest turn."""
    return _page(request, _own(request, public_id))


def _page(
    request: HttpRequest, own: Conversation, template: str = PAGE, **extra: Any
) -> HttpResponse:
    exchange = exchange_of(own)
    answers_continue(exchange.turn)
    return render(request, template, exchange_context(own, exchange) | extra)


@never_cache
@require_safe
@contributor_required
def answers(request: HttpRequest, public_id: str) -> HttpResponse:
    """The two answers as they are now; the bar follows where their state has changed."""
    own = _own(request, public_id)
    exchange = exchange_of(own)
    answers_continue(exchange.turn)
    changed = request.GET.get("stage") != stage_of(exchange)
    context = exchange_context(own, exchange) | {"changed": changed}
    return render(request, "arena/progress.html", context)


@require_POST
@contributor_required
def follow_up(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask both models once more; a message that cannot be answered is kept."""
    own = _own(request, public_id)
    try:
        conversation_continue(conversation=own, text=message_of(request.POST))
    except ApplicationError as error:
        problem = problem_context(error, request.POST.get("text", ""))
        response = _page(request, own, **problem)
        response.status_code = error.status
        return response
    return _to(own)


@require_POST
@contributor_required
def stop(request: HttpRequest, public_id: str) -> HttpResponse:
    """End what is still being written, and judge what is there."""
    own = _own(request, public_id)
    answers_stop(conversation=own)
    return _after(request, own)


@require_POST
@contributor_required
def retry(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask again for an answer that did not arrive."""
    own = _own(request, public_id)
    answers_retry(conversation=own)
    return _after(request, own)


@require_POST
@contributor_required
def judge(request: HttpRequest) -> HttpResponse:
    """Save the judgment; only then the names."""
    contributor = contributor_of(request)
    public_id = request.POST.get("comparison", "")
    comparison_judge(
        contributor=contributor,
        public_id=public_id,
        idempotency_key=request.POST.get("key", ""),
        **choice_of(request.POST),
    )
    own = comparison_of(contributor=contributor, public_id=public_id).turn.conversation
    return _after(request, own)


def _own(request: HttpRequest, public_id: str) -> Conversation:
    return conversation_find(contributor=contributor_of(request), public_id=public_id)


def _after(request: HttpRequest, own: Conversation) -> HttpResponse:
    """The conversation as it is after a press: the fragment for htmx, else the page."""
    if not request.headers.get("HX-Request"):
        return _to(own)
    return _page(request, own, FRAGMENT)


def _to(own: Conversation) -> HttpResponse:
    url = reverse("arena_conversation", args=[own.public_id])
    return HttpResponseRedirect(url, status=HTTPStatus.SEE_OTHER)
