"""What the page of a conversation with one model shows."""

from typing import Any

from django.utils.translation import gettext as _

from feedback.arena.assist import others_of, thread_of
from feedback.arena.presentation import shown_reply, who
from feedback.arena.selectors import COMPLETE
from feedback.errors import UnavailableError
from feedback.identifiers import new_public_id
from feedback.pool.models import Conversation, Response, ResponseState
from feedback.registry.health import live_versions
from feedback.text.message_display import message_shown


def thread_context(conversation: Conversation) -> dict[str, Any]:
    """A conversation with one model from its beginning; only its end can still change."""
    thread = thread_of(conversation)
    newest = thread[-1].newest
    replies = [
        {
            "prompt": message_shown(reply.turn.messages[-1], who()),
            "language": reply.turn.language,
            "answer": shown_reply(reply, place),
            "before": reply.responses[:-1],
        }
        for place, reply in enumerate(thread, 1)
    ]
    complete = newest.state in COMPLETE
    return {
        "conversation": conversation,
        "turn": thread[-1].turn,
        "responses": (newest,),
        "replies": replies,
        "answers": [replies[-1]["answer"]],
        "said": _said(newest),
        "key": new_public_id(),
        "writing": newest.state == ResponseState.WRITING,
        "stop": not complete and bool(newest.text),
        "retry": newest.state == ResponseState.FAILED,
        "again": newest.state != ResponseState.WRITING and _has_others(newest),
        "waiting": not complete,
        "can_go_on": live_versions().exists(),
        "solo": True,
    }


def _said(newest: Response) -> str:
    match newest.state:
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
