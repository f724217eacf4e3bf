"""The ASGI application: its routes over the server's parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

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
        """Answer that the server is alive, and what it serves."""
        artifacts = [item.summary() for item in self.store.models.values()]
        return JSONResponse({"status": "ok", "artifacts": artifacts})

    async def models(self, _request: Request) -> JSONResponse:
        """Answer OpenAI's list of models: the encoder, policies and reward models."""
        data = [{"id": ENCODER, "object": "model", "created": 0, "owned_by": OWNER}]
        for item in self.store.models.values():
            if item.policy or item.scorer:
                created = datetime.fromisoformat(item.artifact.card["created_at"]).timestamp()
                row = {"id": item.name, "object": "model", "owned_by": OWNER}
                data.append(row | {"created": int(created)})
        return JSONResponse({"object": "list", "data": data})

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Run the threads while the application runs."""
        self.embeddings.start()
        self.scores.start()
        try:
            yield
        finally:
            self.chat.stop()
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
