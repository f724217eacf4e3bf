"""The ASGI application: its routes over the server's parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from trainers.encoding.encoder import Encoder
from trainers.serve.chat import Chat
from trainers.serve.embeddings import ENCODER, Embeddings
from trainers.serve.errors import ApiError, answer_api_error, answer_failure, answer_http_error
from trainers.serve.model_store import ModelStore
from trainers.serve.scores import Scores

OWNER = "feedback-commons"


class Api:
    """The server's parts, and the two routes that list what is served."""

    def __init__(self, store: ModelStore, encoder: Encoder) -> None:
        self.store = store
        self.embeddings = Embeddings(encoder)
        self.chat = Chat(store)
        self.scores = Scores(store)

    async def health(self, _request: Request) -> JSONResponse:
        """Answer that the server is alive, what it serves, and what it cannot."""
        preparation = self.store.preparation
        problems = self.store.problems.items()
        return JSONResponse(
            {
                "status": "ok",
                "artifacts": [item.summary() for item in self.store.models.values()],
                "pretrained": preparation and preparation.summary(),
                "problems": [{"name": name, "problem": text} for name, text in problems],
                "answers": self.store.engines.load(),
            }
        )

    async def models(self, _request: Request) -> JSONResponse:
        """Answer OpenAI's list of models: the encoder, policies and reward models."""
        row: dict[str, Any] = {"object": "model", "owned_by": OWNER}
        data = [{"id": ENCODER, "created": 0} | row]
        data += [
            {"id": item.name, "created": item.created} | row | item.about
            for item in self.store.models.values()
            if item.policy or item.scorer
        ]
        return JSONResponse({"object": "list", "data": data})

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Run the threads while the application runs."""
        self.embeddings.start()
        self.scores.start()
        try:
            yield
        finally:
            self.store.stop()
            self.embeddings.stop()
            self.scores.stop()


def build_app(api: Api) -> Starlette:
    """Return the application over an `Api`."""
    return Starlette(
        routes=[
            Route("/healthz", api.health),
            Route("/v1/models", api.models),
            Route("/v1/embeddings", api.embeddings.answer, methods=["POST"]),
            Route("/v1/chat/completions", api.chat.answer, methods=["POST"]),
            Route("/score", api.scores.answer, methods=["POST"]),
        ],
        exception_handlers={
            ApiError: answer_api_error,
            HTTPException: answer_http_error,
            Exception: answer_failure,
        },
        lifespan=api.lifespan,
    )
