"""What a person may say beside the choice, and how far an answer has come, in words."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback.arena.answers.draft import WAITING
from feedback.pool.models import Response, ResponseState
from feedback.registry.errors import BUSY, TOO_LONG, too_long_text
from feedback.text.flaws import Flaw

STRENGTHS = (
    ("1", gettext_lazy("A little")),
    ("2", gettext_lazy("Clearly")),
    ("3", gettext_lazy("Much")),
)
ASPECTS = (
    ("helpful", gettext_lazy("Helpful")),
    ("truthful", gettext_lazy("Truthful")),
    ("harmless", gettext_lazy("Harmless")),
)
MERITS = (
    ("does_what_was_asked", gettext_lazy("Does what I asked")),
    ("right", gettext_lazy("Right")),
    ("complete", gettext_lazy("Complete")),
    ("clear", gettext_lazy("Clear")),
    ("to_the_point", gettext_lazy("To the point")),
    ("well_written", gettext_lazy("Well written")),
)
FAULTS = (
    ("misses_the_point", gettext_lazy("Misses the point")),
    ("wrong", gettext_lazy("Wrong")),
    ("incomplete", gettext_lazy("Incomplete")),
    ("unclear", gettext_lazy("Unclear")),
    ("refuses", gettext_lazy("Refuses")),
    ("unsafe", gettext_lazy("Unsafe")),
)
STATES = {
    ResponseState.WRITING: gettext_lazy("Writing…"),
    ResponseState.FINISHED: gettext_lazy("Finished"),
    ResponseState.STOPPED: gettext_lazy("Stopped"),
    ResponseState.FAILED: gettext_lazy("Did not arrive"),
}
BROKE_OFF = gettext_lazy("Broke off")
NO_PLACE = gettext_lazy("Waiting for a free place…")
ONCE_MORE = gettext_lazy("Begun once more…")
UNCLAIMED = timedelta(seconds=2)  # after which nobody here has a hand free to begin an answer
WHY_NOT = {  # the reason that is stored with an answer, to a sentence
    "timeout": gettext_lazy("The model did not answer in time."),
    "unreachable": gettext_lazy("The model cannot be reached now."),
    "status 429": gettext_lazy("The model is busy now."),
    Flaw.EMPTY: gettext_lazy("The model sent no text."),
    Flaw.REPETITION: gettext_lazy("The model repeated itself without end."),
    Flaw.UNREADABLE: gettext_lazy("The model sent characters that cannot be read."),
    "unreadable answer": gettext_lazy("What the model sent cannot be read."),
    "broken off": gettext_lazy("The model stopped in the middle of its answer."),
    "too large": gettext_lazy("The model sent more than an answer can be."),
    "our limit": gettext_lazy("The model is busy now."),
    BUSY: gettext_lazy("The model is busy now."),
}


def state_text(response: Response) -> str:
    """Say how far an answer has come."""
    if response.state == ResponseState.FAILED and response.text:
        return str(BROKE_OFF)
    if has_no_place(response):
        return str(NO_PLACE)
    if response.state == ResponseState.WRITING and response.error:
        return str(ONCE_MORE)
    return str(STATES[ResponseState(response.state)])


def has_no_place(response: Response) -> bool:
    """Say whether an answer waits until a server, or this site, has a place for it."""
    if response.state != ResponseState.WRITING:
        return False
    is_unclaimed = response.writing_until is None
    late = is_unclaimed and timezone.now() - response.created_at > UNCLAIMED
    return late or response.error in (BUSY, WAITING)


def is_too_long(response: Response) -> bool:
    """Say whether an answer did not arrive because its prompt does not fit."""
    return response.state == ResponseState.FAILED and response.error.startswith(TOO_LONG)


def why_not(response: Response) -> str:
    """Say why an answer did not arrive; empty where it did."""
    if response.state != ResponseState.FAILED:
        return ""
    if is_too_long(response):
        return too_long_text(response.error)
    known = WHY_NOT.get(response.error)
    return str(known) if known else _("The model’s server reported an error.")
