"""One registry of shapes feeds the check of queries, the schema of the API, the page and docs."""

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client

from feedback.errors import InvalidError
from feedback.publication.query import export_query
from feedback.publication.shapes import SHAPES
from feedback.publication.shapes.base import FILTERS
from tests.conftest import ROOT


def test_the_page_of_the_documentation_is_what_the_shapes_say() -> None:
    page = io.StringIO()
    call_command("export_shapes", stdout=page)
    assert (ROOT / "docs" / "export-shapes.md").read_text() == page.getvalue()


def test_every_shape_says_what_it_is() -> None:
    for name, shape in SHAPES.items():
        assert shape.name == name
        assert str(shape.description)
        assert set(shape.filters) <= set(FILTERS)
        assert all(column.meaning.endswith(".") for column in shape.columns)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_query_is_checked_against_the_registry(shape: str) -> None:
    query = {"shape": shape, "since": "7"}
    if SHAPES[shape].can_follow:
        assert export_query(query, until=9).since == 7
    else:
        with pytest.raises(InvalidError) as error:
            export_query(query, until=9)
        assert error.value.fields == {"since": "Only these can be followed: preferences, votes."}


def test_the_schema_of_the_api_lists_shapes_and_filters(tmp_path: Path) -> None:
    path = tmp_path / "schema.yml"
    call_command("spectacular", file=str(path))
    call: dict[str, Any] = yaml.safe_load(path.read_text())["paths"]["/api/v1/preferences/export/"]
    parameters = {each["name"]: each for each in call["get"]["parameters"]}
    assert set(parameters["shape"]["schema"]["enum"]) == set(SHAPES)
    assert set(parameters) == {"shape", "format", "release", "since", *FILTERS}
    for shape in SHAPES.values():
        assert str(shape.description) in parameters["shape"]["description"]


def test_the_command_takes_no_other_shape(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="invalid choice: 'magic'"):
        call_command("export_data", str(tmp_path / "rows"), "--shape", "magic")


@pytest.mark.django_db
def test_the_data_page_offers_them_and_says_what_the_chosen_one_is(client: Client) -> None:
    page = client.get("/data/?shape=trl").content.decode()
    for name in SHAPES:
        assert f">{name}</option>" in page
    assert str(SHAPES["trl"].description).replace("'", "&#x27;") in page
