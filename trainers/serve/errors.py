"""Errors in the shape that OpenAI's API and its clients know."""

from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

INVALID_REQUEST = "invalid_request_error"
SERVER_ERROR = "server_error"


class ApiError(Exception):
    """A request that cannot be answered; becomes `{"error": {...}}` with its status.

    retry_after  seconds after which it may be
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        kind = INVALID_REQUEST if status < HTTPStatus.INTERNAL_SERVER_ERROR else SERVER_ERROR
        self.body: dict[str, Any] = error_body(message, kind, code=code, param=param)
        self.headers = None if retry_after is None else {"Retry-After": str(retry_after)}


def error_body(
    message: str, kind: str, *, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    """Return OpenAI's error object."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


async def answer_api_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer an `ApiError` with its status."""
    assert isinstance(error, ApiError)
    return JSONResponse(error.body, status_code=error.status, headers=error.headers)


async def answer_http_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer unknown paths and methods in the same shape."""
    assert isinstance(error, HTTPException)
    body = error_body(str(error.detail), INVALID_REQUEST)
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)


async def answer_failure(_request: Request, _error: Exception) -> JSONResponse:
    """Answer a defect of the server: its trace is in the log, not in the answer."""
    body = error_body("the server failed on this request", SERVER_ERROR)
    return JSONResponse(body, status_code=HTTPStatus.INTERNAL_SERVER_ERROR)
