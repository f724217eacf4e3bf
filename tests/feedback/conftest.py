"""People of the tests, and how they reach the site."""

from collections.abc import Callable

import pytest
from django.test import Client

from feedback.people.models import Contributor, Role
from feedback.people.services import consent_give, contributor_create


@pytest.fixture
def alice(db: None) -> Contributor:
    """A contributor who agreed to the terms."""
    return _agreed("alice")


@pytest.fixture
def bob(db: None) -> Contributor:
    """Another contributor who agreed to the terms."""
    return _agreed("bob")


@pytest.fixture
def olivia(db: None) -> Contributor:
    """An operator."""
    return _agreed("olivia", Role.OPERATOR)


@pytest.fixture
def stranger(db: None) -> Client:
    """A browser that nobody is signed in to."""
    return Client()


@pytest.fixture
def client_of() -> Callable[[Contributor], Client]:
    """The browser of a contributor."""

    def client(contributor: Contributor) -> Client:
        browser = Client()
        browser.force_login(contributor)
        return browser

    return client


def _agreed(name: str, role: Role = Role.CONTRIBUTOR) -> Contributor:
    contributor = contributor_create(name=name, role=role)
    consent_give(contributor=contributor)
    return contributor
