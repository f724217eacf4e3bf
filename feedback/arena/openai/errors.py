"""Errors in the shape that OpenAI's API and its clients know."""

import math
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import JsonResponse

from feedback.errors import ApplicationError, RateLimitedError
from feedback.registry.errors import (
    BUSY,
    CONTEXT_EXCEEDED,
    OWN_LIMIT,
    TOO_MANY,
    Fault,
    FlawedError,
    NoAnswerError,
    TooLongError,
    reason_text,
)

TRY_AGAIN_SECONDS = 15  # when a paused provider may be back
TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
    HTTPStatus.BAD_GATEWAY: "server_error",
    HTTPStatus.SERVICE_UNAVAILABLE: "service_unavailable_error",
}


class GatewayError(Exception):
    """A request that is not answered: `code` is for programs, the message for people."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.retry_after = status, code, param, retry_after

    @property
    def body(self) -> dict[str, Any]:
        """Return `{"error": {"message", "type", "param", "code"}}`."""
        kind = TYPES.get(HTTPStatus(self.status), "invalid_request_error")
        error = {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        return {"error": error}

    def response(self) -> JsonResponse:
        """Return the error as an answer."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return JsonResponse(self.body, status=self.status, headers=headers)


def gateway_error(error: Exception) -> GatewayError | None:
    """Return the same error in this shape; None for a defect of our own."""
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, NoAnswerError):
        return _of_a_model(error)
    if isinstance(error, ApplicationError):
        wait = error.retry_after if isinstance(error, RateLimitedError) else None
        if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
            wait = TRY_AGAIN_SECONDS
        return GatewayError(error.status, error.code, error.message, retry_after=wait)
    if isinstance(error, RequestDataTooBig):
        return GatewayError(413, "too_large", "The body is larger than this server reads.")
    return None


def _of_a_model(error: NoAnswerError) -> GatewayError:
    reason = str(error)
    if isinstance(error, TooLongError):
        return GatewayError(400, CONTEXT_EXCEEDED, reason_text(reason), param="messages")
    words = f"The model did not answer. {reason_text(reason)}"
    if reason in (OWN_LIMIT, TOO_MANY):
        wait = int(error.retry_after or TRY_AGAIN_SECONDS)
        return GatewayError(429, "rate_limited", words, retry_after=max(wait, 1))
    if reason == BUSY:
        wait = math.ceil(error.retry_after or 1)
        return GatewayError(503, "overloaded", words, retry_after=max(wait, 1))
    if isinstance(error, FlawedError):
        return GatewayError(502, "flawed_answer", words)
    if error.fault is Fault.REQUEST and reason.startswith("status "):
        return GatewayError(400, "refused_by_the_model", words)
    return GatewayError(503, "model_unavailable", words, retry_after=TRY_AGAIN_SECONDS)
