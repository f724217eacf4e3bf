"""A server that misbehaves on demand, and versions that ask it."""

from collections.abc import Callable, Iterator

import pytest

from feedback.registry.models import ModelVersion, Provider, ProviderKind
from tests.feedback.builders import make_version
from tests.feedback.registry.bad_server import BadServer

VersionAt = Callable[..., ModelVersion]


@pytest.fixture
def bad_server() -> Iterator[BadServer]:
    """Real sockets; what is asked of them is in the path."""
    server = BadServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def version_at(db: None, bad_server: BadServer) -> VersionAt:
    """A version of a provider whose server behaves in one way."""

    def make(way: str, *, version: dict[str, object] | None = None, **provider: object):
        made = make_version(f"{way.title()} Model")
        made.provider, _ = Provider.objects.get_or_create(
            name=way,
            defaults={
                "kind": ProviderKind.OPENAI,
                "base_url": f"{bad_server.url}/{way}/v1",
                **provider,
            },
        )
        for name, value in ({"remote_name": way} | (version or {})).items():
            setattr(made, name, value)
        made.save()
        return made

    return make
