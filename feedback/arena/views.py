"""The arena: ask, watch answers come, judge two of them blind, or talk with one."""

from http import HTTPStatus
from typing import Any

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from feedback.arena.answers.recorded import question_found
from feedback.arena.answers.streaming import answer_events
from feedback.arena.answers.writing import answers_continue
from feedback.arena.asking import conversation_ask, conversation_go_on, message_take
from feedback.arena.assist import assist_again
from feedback.arena.conversations import conversation_context
from feedback.arena.forms import key_of, message_of, mode_of, topic_of
from feedback.arena.models_note import models_note
from feedback.arena.presentation import problem_context, start_context
from feedback.arena.selectors import conversation_find, newest_turn
from feedback.arena.services import answers_replace, answers_retry, answers_stop
from feedback.database.db_async import stored
from feedback.errors import ApplicationError, NotFoundError
from feedback.people.authentication import contributor_of, contributor_required
from feedback.pool.models import Conversation
from feedback.web.http import HtmxRequest

START = "arena/start.html"
PAGES = {"duel": "arena/conversation.html", "assist": "arena/thread.html"}
FRAGMENTS = {"duel": "arena/swap.html", "assist": "arena/thread_task.html"}


@never_cache
@require_safe
@contributor_required
def arena(request: HttpRequest) -> HttpResponse:
    """Offer something to ask: one's own words, an example, or a recorded question.

    `?shorten=` brings back the message of a conversation of one's own that was too long.
    """
    context = start_context(request)
    if public_id := request.GET.get("shorten"):
        asked = newest_turn(_own(request, public_id)).messages[-1]
        context["text"] = asked["content"]
    return render(request, START, context)


@never_cache
@require_safe
@contributor_required
def models(request: HtmxRequest) -> HttpResponse:
    """Show whether the models are ready: the first page asks while they are not."""
    if not request.htmx:
        return redirect("arena")
    note = models_note(contributor_of(request))
    return render(request, "arena/models_note.html", note)


@require_POST
@contributor_required
def ask(request: HttpRequest) -> HttpResponse:
    """Begin a conversation; what cannot be answered comes back with the message kept."""
    try:
        message_take(request)
        conversation = conversation_ask(
            contributor=contributor_of(request),
            mode=mode_of(request.POST),
            messages=_messages(request),
            key=key_of(request.POST),
            topic=topic_of(request.POST),
        )
    except ApplicationError as error:
        context = start_context(request) | problem_context(error, request.POST.get("text", ""))
        return render(request, START, context, status=error.status)
    return to_conversation(conversation)


def _messages(request: HttpRequest) -> list[dict[str, Any]]:
    if not (recorded := request.POST.get("recorded")):
        return [{"role": "user", "content": message_of(request.POST)}]
    question = question_found(recorded)
    if question is None:
        words = _("This recorded question is gone. Pick another.")
        raise NotFoundError("unknown_question", words)
    return list(question.messages)


@never_cache
@require_safe
@contributor_required
def conversation(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show a conversation of one's own, at its newest turn."""
    return _page(request, _own(request, public_id))


def _page(
    request: HttpRequest,
    own: Conversation,
    templates: dict[str, str] = PAGES,
    problem: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = conversation_context(own) | (problem or {})
    answers_continue(context["turn"])
    return render(request, templates[own.mode], context, status=status)


async def stream(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Stream the newest answers as they grow, to whoever may see the page."""
    found: list[Conversation] = []

    @never_cache
    @require_safe
    @contributor_required
    def gated(request: HttpRequest) -> HttpResponse:
        found.append(_own(request, public_id))
        return HttpResponse()

    refused = await stored(gated)(request)  # the session's connection is given back, too
    if not found:
        return refused
    events = answer_events(found[0], get_language() or "en")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)


@require_POST
@contributor_required
def follow_up(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask once more; a message that cannot be answered is kept."""
    own = _own(request, public_id)
    try:
        message_take(request)
        conversation_go_on(conversation=own, text=message_of(request.POST))
    except ApplicationError as error:
        kept = problem_context(error, request.POST.get("text", ""))
        return _page(request, own, problem=kept, status=error.status)
    return to_conversation(own)


@require_POST
@contributor_required
def stop(request: HtmxRequest, public_id: str) -> HttpResponse:
    """Take what is there as the answer."""
    own = _own(request, public_id)
    answers_stop(turn=newest_turn(own))
    return after(request, own)


@require_POST
@contributor_required
def retry(request: HtmxRequest, public_id: str) -> HttpResponse:
    """Ask the same models again for the answers that did not arrive."""
    own = _own(request, public_id)
    message_take(request)
    answers_retry(turn=newest_turn(own))
    return after(request, own)


@require_POST
@contributor_required
def replace(request: HtmxRequest, public_id: str) -> HttpResponse:
    """Ask other models for the answers that did not arrive."""
    own = _own(request, public_id)
    message_take(request)
    answers_replace(conversation=own)
    return after(request, own)


@require_POST
@contributor_required
def again(request: HtmxRequest, public_id: str) -> HttpResponse:
    """Ask for another answer in a conversation with one model."""
    own = _own(request, public_id)
    message_take(request)
    assist_again(conversation=own, of=request.POST.get("of", ""))
    return after(request, own)


def _own(request: HttpRequest, public_id: str) -> Conversation:
    return conversation_find(contributor=contributor_of(request), public_id=public_id)


def after(request: HtmxRequest, own: Conversation) -> HttpResponse:
    """Show the conversation as it is after a press: the fragment for htmx, else the page."""
    if not request.htmx:
        return to_conversation(own)
    return _page(request, own, FRAGMENTS)


def to_conversation(own: Conversation) -> HttpResponse:
    """Send a browser that has posted a form to the page of the conversation."""
    url = reverse("arena_conversation", args=[own.public_id])
    return HttpResponseRedirect(url, status=HTTPStatus.SEE_OTHER)
