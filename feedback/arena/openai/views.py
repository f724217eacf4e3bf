"""`POST /v1/chat/completions` and `GET /v1/models`, for clients that know OpenAI's API."""

import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from feedback.arena.openai.answering import answer_open
from feedback.arena.openai.errors import GatewayError, gateway_error
from feedback.arena.openai.frames import completion, events, headers_of, model_list
from feedback.arena.openai.reading import read_chat
from feedback.arena.openai.services import caller_of, models_served, question_begin
from feedback.database.db_async import stored

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponseBase]]
UNBUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

logger = logging.getLogger(__name__)


def _gateway(method: str) -> Callable[[View], View]:
    """Allow one method, with a key instead of cookies, and every error in OpenAI's shape."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        async def told(request: HttpRequest) -> HttpResponseBase:
            try:
                if request.method != method:
                    raise GatewayError(405, "method_not_allowed", f"Only {method}, please.")
                return await view(request)
            except Exception as error:
                known = gateway_error(error)
                if known is None:
                    logger.exception("The gateway failed.")
                    known = GatewayError(500, "server_error", "The server failed on this request.")
                return known.response()

        return told

    return decorate


@_gateway("POST")
async def chat_completions(request: HttpRequest) -> HttpResponseBase:
    """Answer by the model that was named, or that routing thinks best."""
    contributor = await stored(caller_of)(request.headers.get("Authorization", ""))
    asked = read_chat(request.body)
    question = await stored(question_begin)(contributor, asked)
    answer = await answer_open(question, whole=not asked.stream)
    headers = headers_of(answer)
    if not asked.stream:
        return JsonResponse(completion(answer), headers=headers)
    return StreamingHttpResponse(
        events(answer, include_usage=asked.include_usage),
        content_type="text/event-stream",
        headers=headers | UNBUFFERED,
    )


@_gateway("GET")
async def models(request: HttpRequest) -> HttpResponseBase:
    """List who can be asked by name."""
    await stored(caller_of)(request.headers.get("Authorization", ""))
    return JsonResponse(model_list(*await stored(models_served)()))
