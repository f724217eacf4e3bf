"""Why a model did not answer: a short code that is stored, whose fault it is, and plain words."""

from enum import Enum
from http import HTTPStatus

from django.utils.translation import gettext as _

TOO_MANY = f"status {HTTPStatus.TOO_MANY_REQUESTS.value}"
OWN_LIMIT = "our limit"
OF_THE_VERSION = {"status 404"}  # the server knows no such model
OF_THE_REQUEST = {
    *("status 400", "status 413", "status 422", "status 451"),
    *("empty answer", "no live provider", OWN_LIMIT),
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
        if str(self) in OF_THE_REQUEST:
            return Fault.REQUEST
        return Fault.VERSION if str(self) in OF_THE_VERSION else Fault.PROVIDER


def reason_text(code: str) -> str:
    """Return a stored reason as a sentence for people."""
    known = {
        "timeout": _("It did not answer in time."),
        "unreachable": _("Nothing answers at its address, or the connection broke."),
        "unreadable answer": _("It sent something that is not an answer."),
        "broken off": _("It stopped in the middle of an answer."),
        "too large": _("It sent more than an answer can be."),
        "error in the stream": _("It reported an error in the middle of an answer."),
        "empty answer": _("It sent an empty answer."),
        "no live provider": _("No server is configured for it."),
        OWN_LIMIT: _("Our own limit of requests a minute was reached."),
        TOO_MANY: _("It receives too many requests and asks for a pause (status 429)."),
        "status 401": _("It does not accept our key (status 401)."),
        "status 403": _("It does not allow this to our key (status 403)."),
        "status 404": _("It does not know this model or address (status 404)."),
    }
    if code in known:
        return known[code]
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
