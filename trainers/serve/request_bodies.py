"""Reading request bodies: JSON objects whose fields are checked, with errors that name them."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from trainers.serve.errors import ApiError

LARGEST_BODY = 8 * 1024 * 1024


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of a request; refused as soon as it is larger than the limit."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            raise ApiError(413, f"the body is larger than {LARGEST_BODY} bytes", code="too_large")
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
    """A number in [low, high]; absent and null are the default."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ApiError(400, f"{name} must be a number from {low:g} to {high:g}", param=name)
    return value


def whole_number(body: Mapping[str, Any], name: str, *, low: int, high: int) -> int | None:
    """A whole number in [low, high], or None where it is absent or null."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ApiError(400, f"{name} must be a whole number from {low} to {high}", param=name)
    return value


def flag(body: Mapping[str, Any], name: str) -> bool:
    """A truth value; absent and null are false."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise ApiError(400, f"{name} must be true or false", param=name)
    return bool(value)


def texts(value: object, name: str) -> list[str]:
    """A text or a list of texts."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ApiError(400, f"{name} must be a text or a list of texts", param=name)
    return found
