"""Why a model did not answer: a short code that is stored, whose fault it is, and plain words."""

import re
from enum import Enum
from http import HTTPStatus

from django.utils.translation import gettext as _

from feedback.text.flaws import Flaw

TOO_MANY = f"status {HTTPStatus.TOO_MANY_REQUESTS.value}"
UNAVAILABLE = f"status {HTTPStatus.SERVICE_UNAVAILABLE.value}"
OWN_LIMIT = "our limit"
BUSY = "busy"  # it has no place free, and says when to come again
BROKEN_OFF = "broken off"
UNREACHABLE = "unreachable"
TOO_LONG = "prompt too long"
CONTEXT_EXCEEDED = "context_length_exceeded"  # OpenAI's code of it, which others took over
OF_THE_VERSION = {"status 404"}  # the server knows no such model
OF_THE_REQUEST = {
    *("status 400", "status 413", "status 422", "status 451"),
    *("no live provider", OWN_LIMIT, BUSY, *Flaw),
}


class Fault(Enum):
    """What is unwell when a call fails."""

    PROVIDER = "provider"
    VERSION = "version"
    REQUEST = "request"  # another one may go well: nothing is unwell


class NoAnswerError(Exception):
    """The version did not answer; the message is the code of the reason, which is stored."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after  # seconds that the server asked to be left alone

    @property
    def fault(self) -> Fault:
        """Return whose fault it is."""
        if str(self) in OF_THE_REQUEST or str(self).startswith(TOO_LONG):
            return Fault.REQUEST
        return Fault.VERSION if str(self) in OF_THE_VERSION else Fault.PROVIDER


class FlawedError(NoAnswerError):
    """An answer came, and nobody should get it."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


class TooLongError(NoAnswerError):
    """The prompt does not fit; the tokens that it has and may have, where the server says so."""

    def __init__(self, tokens: int | None, limit: int | None) -> None:
        counted = tokens is not None and limit is not None
        super().__init__(f"{TOO_LONG}: {tokens} of {limit}" if counted else TOO_LONG)


def too_long_text(code: str) -> str:
    """Return the sentence for a prompt that does not fit, from its stored reason."""
    numbers = [f"{int(n):,}".replace(",", "\u202f") for n in re.findall(r"\d+", code)]
    if len(numbers) != 2:
        return _("Your message is longer than what the model reads.")
    return _("Your message has %(tokens)s tokens; the model reads at most %(limit)s.") % {
        "tokens": numbers[0],
        "limit": numbers[1],
    }


def reason_text(code: str) -> str:
    """Return a stored reason as a sentence for people."""
    known = {
        "timeout": _("It did not answer in time."),
        UNREACHABLE: _("Nothing answers at its address, or the connection broke."),
        "unreadable answer": _("It sent something that is not an answer."),
        BROKEN_OFF: _("It stopped in the middle of an answer."),
        "too large": _("It sent more than an answer can be."),
        "error in the stream": _("It reported an error in the middle of an answer."),
        Flaw.EMPTY: _("It sent an empty answer."),
        Flaw.REPETITION: _("It repeated itself without end."),
        Flaw.UNREADABLE: _("It sent characters that cannot be read."),
        BUSY: _("It has no place free now and asks for a short wait."),
        "no live provider": _("No server is configured for it."),
        OWN_LIMIT: _("Our own limit of requests a minute was reached."),
        TOO_MANY: _("It receives too many requests and asks for a pause (status 429)."),
        "status 401": _("It does not accept our key (status 401)."),
        "status 403": _("It does not allow this to our key (status 403)."),
        "status 404": _("It does not know this model or address (status 404)."),
    }
    if code in known:
        return known[code]
    if code.startswith(TOO_LONG):
        return too_long_text(code)
    if code.startswith("no key in "):
        variable = code.removeprefix("no key in ")
        return _("The environment has no key under %(name)s.") % {"name": variable}
    if code.startswith("status 3"):
        return _("It redirects to another address (%(code)s), which we do not follow.") % {
            "code": code
        }
    if code.startswith("status "):
        return _("It answered with an error (%(code)s).") % {"code": code}
    return code
