"""Models of the arena: some replay recorded answers, others are asked over HTTP."""

from collections.abc import Iterator

import pytest

from tests.feedback.arena.model_server import ModelServer


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """A real HTTP server that speaks the OpenAI-compatible API."""
    server = ModelServer()
    server.start()
    yield server
    server.stop()
