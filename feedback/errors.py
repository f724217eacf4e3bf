"""Errors that reach a person or a program: one shape, one handler."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response


class ApplicationError(Exception):
    """What was asked cannot be done; `code` is for programs, `message` for people."""

    status = 400

    def __init__(self, code: str, message: str, *, fields: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer that tells of this."""
        return {}


class InvalidError(ApplicationError):
    """Refuse input: `fields` says of each field, by name, what is wrong with it."""

    def __init__(self, fields: Mapping[str, Any], message: str = "") -> None:
        words = message or _("Please correct the fields below.")
        super().__init__("invalid", words, fields=dict(fields))


class ConflictError(ApplicationError):
    """The state of things has moved on: a lost lease, a key used for something else."""

    status = 409


class NotFoundError(ApplicationError):
    """There is no such thing, or not for this person."""

    status = 404


class ForbiddenError(ApplicationError):
    """It exists, but this person may not do it, or not yet."""

    status = 403


class UnavailableError(ApplicationError):
    """A part that this needs does not answer now."""

    status = 503


class RateLimitedError(ApplicationError):
    """Too often; `retry_after` is in whole seconds."""

    status = 429

    def __init__(self, wait: str, *, retry_after: int) -> None:
        words = _("That was too often. Try again in %(wait)s; nothing was lost.") % {"wait": wait}
        super().__init__("rate_limited", words)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Return when to come back."""
        return {"Retry-After": str(self.retry_after)}


def refuse_problems(problems: Mapping[str, str], message: str = "") -> None:
    """Raise an InvalidError that names each field with a problem; an empty text is none."""
    fields = {name: problem for name, problem in problems.items() if problem}
    if fields:
        raise InvalidError(fields, message)


def error_body(code: str, message: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the one error shape: `{"error": {"code", "message", "fields"?}}`."""
    error: dict[str, Any] = {"code": code, "message": message}
    if fields:
        error["fields"] = fields
    return {"error": error}


def api_exception_handler(error: Exception, _context: dict[str, Any]) -> Response | None:
    """Django REST framework's exception handler: every error in the one shape."""
    from rest_framework.views import set_rollback  # it imports our authentication, which uses us

    if isinstance(error, ApplicationError):
        set_rollback()
        body = error_body(error.code, error.message, error.fields)
        return Response(body, status=error.status, headers=error.headers)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, exceptions.ValidationError):
        body = error_body("invalid", _("Please correct the fields below."), _fields(error))
    else:
        body = error_body(str(error.get_codes()), str(error.detail))
    return Response(body, status=error.status_code, headers=headers)


def _fields(error: exceptions.ValidationError) -> dict[str, Any]:
    detail = error.detail
    return detail if isinstance(detail, dict) else {"non_field_errors": detail}
