"""What the page of a conversation with one model shows."""

from typing import Any

from django.utils.translation import gettext as _

from feedback.arena.assist import newest_reply, others_of, thread_of
from feedback.arena.presentation import AnswerView, reply_views, who
from feedback.arena.selectors import COMPLETE
from feedback.arena.vocabulary import has_no_place, is_too_long
from feedback.errors import UnavailableError
from feedback.identifiers import new_public_id
from feedback.pool.models import Conversation, Response, ResponseState, Turn
from feedback.registry.health import live_versions
from feedback.text.message_display import message_shown


def thread_context(conversation: Conversation) -> dict[str, Any]:
    """Return what the page shows: a conversation with one model from its beginning."""
    thread = thread_of(conversation)
    answers = reply_views(thread)
    replies = [
        {
            "prompt": message_shown(reply.turn.messages[-1], who()),
            "language": reply.turn.language,
            "answer": answer,
            "before": reply.responses[:-1],
        }
        for reply, answer in zip(thread, answers, strict=True)
    ]
    return {
        **_progress(conversation, answers[-1], thread[-1].turn),
        "replies": replies,
        "key": new_public_id(),
        "can_go_on": live_versions().exists(),
    }


def thread_progress(conversation: Conversation) -> dict[str, Any]:
    """Return the part of `thread_context` that can still change: its newest turn."""
    newest = newest_reply(conversation)
    return _progress(conversation, reply_views([newest])[0], newest.turn)


def _progress(conversation: Conversation, answer: AnswerView, turn: Turn) -> dict[str, Any]:
    newest = answer.response
    complete = newest.state in COMPLETE
    return {
        "conversation": conversation,
        "turn": turn,
        "answers": [answer],
        "said": _said(newest),
        "writing": newest.state == ResponseState.WRITING,
        "stop": not complete and bool(newest.text),
        "retry": newest.state == ResponseState.FAILED,
        "shorten": is_too_long(newest),
        "again": newest.state != ResponseState.WRITING and _has_others(newest),
        "waiting": not complete,
        "solo": True,
    }


def _said(newest: Response) -> str:
    match newest.state:
        case ResponseState.WRITING if has_no_place(newest):
            return _("The answer is waiting for a free place.")
        case ResponseState.WRITING:
            return _("The answer is being written.")
        case ResponseState.FAILED:
            return _("The answer did not arrive. Your message is safe.")
        case ResponseState.STOPPED:
            return _("The answer was stopped.")
    return _("The answer has finished.")


def _has_others(newest: Response) -> bool:
    try:
        return bool(others_of(newest.turn))
    except UnavailableError:
        return False
