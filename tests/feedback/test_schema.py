"""The OpenAPI schema describes every call of the API."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver

from tests.feedback.builders import judge, make_comparison, make_contributor

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")


@pytest.fixture
def schema(tmp_path: Path) -> dict[str, Any]:
    """The schema, made without a guess."""
    path = tmp_path / "schema.yml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    made: dict[str, Any] = yaml.safe_load(path.read_text())
    return made


def addresses(tree: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """All addresses, with their arguments in braces."""
    for each in tree:
        address = before + ARGUMENT.sub(r"{\1}", str(each.pattern))
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, address)
        else:
            yield address


def test_every_address_of_the_api_is_in_it(schema: dict[str, Any]) -> None:
    served = {one for one in addresses(get_resolver().url_patterns) if one.startswith("/api/v1/")}
    assert {"/api/v1/leaderboard/", "/api/v1/models/{slug}/", "/api/v1/route/"} <= served
    assert served == set(schema["paths"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/api/v1/leaderboard/", "/api/v1/models/", "/api/v1/models/{slug}/"]
)
def test_what_is_answered_is_what_it_says(schema: dict[str, Any], client, address: str) -> None:
    comparison = make_comparison()
    judge(comparison, make_contributor())
    answer = client.get(address.format(slug=comparison.version_a.model.slug))
    assert answer.status_code == 200
    content = schema["paths"][address]["get"]["responses"]["200"]["content"]
    check(answer.json(), content["application/json"]["schema"], schema)


def check(value: Any, says: dict[str, Any], schema: dict[str, Any]) -> None:
    """Hold a value against what the schema says, down to its fields."""
    if value is None:
        assert says.get("nullable")
    elif "allOf" in says:
        check(value, says["allOf"][0], schema)
    elif "$ref" in says:
        check(value, schema["components"]["schemas"][says["$ref"].rpartition("/")[2]], schema)
    elif says["type"] == "array":
        for one in value:
            check(one, says["items"], schema)
    elif says["type"] == "object":
        assert set(value) == set(says["properties"])
        for name, one in value.items():
            check(one, says["properties"][name], schema)
    else:
        kinds = {"string": str, "number": (int, float), "integer": int, "boolean": bool}
        assert isinstance(value, kinds[says["type"]])
