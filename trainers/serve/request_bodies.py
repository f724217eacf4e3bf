"""Reading request bodies: JSON objects whose fields are checked, with errors that name them."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from trainers.serve.errors import ApiError

MAX_BODY = 8 * 1024 * 1024  # bytes


async def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request.

    Raises ApiError: 413 as soon as the body is larger than MAX_BODY, whatever length it announced;
    400 for what is not a JSON object.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise ApiError(413, f"the body is larger than {MAX_BODY} bytes", code="too_large")
        parts.append(part)
    try:
        body = json.loads(b"".join(parts))
    except ValueError as error:
        raise ApiError(400, f"the body is not JSON: {error}", code="invalid_json") from error
    except RecursionError as error:
        raise ApiError(400, "the body is nested too deeply", code="invalid_json") from error
    if not isinstance(body, dict):
        raise ApiError(400, "the body is not a JSON object", code="invalid_json")
    return body


def number(body: Mapping[str, Any], name: str, default: float, *, low: float, high: float) -> float:
    """Return a number in [low, high]; absent and null are the default. Raises ApiError 400."""
    value = body.get(name)
    if value is None:
        return default
    # A bool is an int to Python, and no number here.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ApiError(400, f"{name} must be a number from {low:g} to {high:g}", param=name)
    return value


def whole_number(body: Mapping[str, Any], name: str, *, low: int, high: int) -> int | None:
    """Return an integer in [low, high], or None where absent or null. Raises ApiError 400."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ApiError(400, f"{name} must be a whole number from {low} to {high}", param=name)
    return value


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Return a truth value; absent and null are false. Raises ApiError 400."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise ApiError(400, f"{name} must be true or false", param=name)
    return bool(value)


def texts(value: object, name: str) -> list[str]:
    """Return a text or a list of texts as a list. Raises ApiError 400."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ApiError(400, f"{name} must be a text or a list of texts", param=name)
    return found
