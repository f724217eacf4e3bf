"""The real site in a process of its own, and clients of OpenAI's API that speak to it."""

from collections.abc import Callable, Iterator

import openai
import pytest

from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.registry.models import ModelVersion, Provider, ProviderKind
from tests.feedback.builders import make_version
from tests.feedback.registry.bad_server import BadServer
from tests.web_server import WebServer

ClientOf = Callable[..., openai.OpenAI]


@pytest.fixture
def bad_server() -> Iterator[BadServer]:
    """Real sockets; what is asked of them is in the path."""
    server = BadServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def served_at(transactional_db: None, bad_server: BadServer) -> Callable[..., ModelVersion]:
    """A version of a provider whose server behaves in one way."""

    def make(way: str, **fields: object) -> ModelVersion:
        version = make_version(f"{way.title()} Model")
        version.provider = Provider.objects.create(
            name=way, kind=ProviderKind.OPENAI, base_url=f"{bad_server.url}/{way}", **fields
        )
        version.remote_name = f"{way}-1"
        version.save()
        return version

    return make


@pytest.fixture
def site(web_server: WebServer) -> str:
    """The address of a web process on the database of the test."""
    return web_server.url


@pytest.fixture
def client_at(site: str) -> Iterator[ClientOf]:
    """The unchanged client, with a key of somebody who may use models."""
    clients = []

    def make(contributor: Contributor, *scopes: str) -> openai.OpenAI:
        wanted = scopes or ("models:use", "preferences:write")
        key = apikey_create(contributor=contributor, name="test", scopes=wanted)
        clients.append(openai.OpenAI(base_url=f"{site}/v1", api_key=key, max_retries=0))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
