"""Contributors and keys from the command line."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from feedback.people.models import ApiKey, Contributor
from feedback.people.selectors import apikey_find, current_consent

pytestmark = pytest.mark.django_db


def command(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return json.loads(out.getvalue().splitlines()[-1])


def test_an_operator_is_made_by_name() -> None:
    command("contributor_create", "Olga", "--operator")
    assert Contributor.objects.get(name="Olga").is_operator
    command("contributor_create", "Paul")
    assert not Contributor.objects.get(name="Paul").is_operator


def test_a_key_is_shown_once_and_works() -> None:
    command("contributor_create", "Olga")
    key = command(
        "apikey_create", "Olga", "--scope", "tasks:work", "pool:read", "--scope", "runs:write"
    )["key"]
    found = apikey_find(key)
    assert found is not None
    assert found.contributor.name == "Olga"
    assert set(found.scopes) == {"tasks:work", "pool:read", "runs:write"}
    assert key.encode() not in bytes(ApiKey.objects.get().digest)


def test_a_key_for_a_new_name_makes_the_contributor_who_may_judge_at_once() -> None:
    key = command("apikey_create", "Nora", "--scope", "tasks:work")["key"]
    found = apikey_find(key)
    assert found is not None
    assert current_consent(found.contributor) is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ("apikey_create", "Olga", "--scope", "everything"),
        ("contributor_create", "Olga"),
    ],
)
def test_what_cannot_be_done_ends_with_2(arguments: tuple[str, ...]) -> None:
    command("contributor_create", "Olga")
    with pytest.raises(CommandError) as error:
        command(*arguments)
    assert error.value.returncode == 2
    assert not ApiKey.objects.exists()
