"""Beginning and continuing a conversation of either mode, not too often, and each question once."""

from django.db import IntegrityError
from django.http import HttpRequest

from feedback.arena.answers.turns import Messages
from feedback.arena.assist import assist_continue, assist_start
from feedback.arena.selectors import ARENA
from feedback.arena.services import conversation_continue, conversation_start
from feedback.identifiers import new_public_id
from feedback.people.authentication import contributor_of
from feedback.people.models import Contributor
from feedback.people.rate_limits.addresses import client_network
from feedback.people.rate_limits.limits import Rate, limit_take
from feedback.pool.models import Conversation, Mode
from feedback.routing.constraints import Constraints

PERSON = Rate(20, per=60, burst=12)  # each message is two answers of up to three minutes
ADDRESS = Rate(240, per=60, burst=120)  # a class or an office may share one


def message_take(request: HttpRequest) -> None:
    """Count one message, which models will be asked, against the person and the address."""
    limit_take(key=f"arena:person:{contributor_of(request).pk}", rate=PERSON)
    limit_take(key=f"arena:address:{client_network(request)}", rate=ADDRESS)


def conversation_ask(
    *, contributor: Contributor, mode: Mode, messages: Messages, key: str, topic: str = ""
) -> Conversation:
    """Begin a conversation, or return the one that this very form has already begun.

    `topic`: the slug of a speciality that the models must have.

    `key` came with the form. A form that was sent twice is one question; one that came back by the
    back button and asks something else is another.
    """
    if asked := _asked(contributor, mode, messages, key):
        return asked
    if Conversation.objects.filter(public_id=key).exists():
        key = new_public_id()
    start = assist_start if mode == Mode.ASSIST else conversation_start
    constraints = Constraints(topics=(topic,) if topic else ())
    try:
        return start(contributor=contributor, messages=messages, key=key, constraints=constraints)
    except IntegrityError:  # the same form arrived twice at once
        if asked := _asked(contributor, mode, messages, key):
            return asked
        raise


def _asked(
    contributor: Contributor, mode: Mode, messages: Messages, key: str
) -> Conversation | None:
    own = Conversation.objects.filter(contributor=contributor, source=ARENA, mode=mode)
    return own.filter(public_id=key, turns__position=0, turns__messages=list(messages)).first()


def conversation_go_on(*, conversation: Conversation, text: str) -> None:
    """Ask whoever answers in this conversation a follow-up."""
    go_on = assist_continue if conversation.mode == Mode.ASSIST else conversation_continue
    go_on(conversation=conversation, text=text)
