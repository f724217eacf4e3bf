"""Unknown addresses: a page for people, JSON for programs."""

import pytest
from django.test import Client


@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/v1/nothing", "/api/"])
def test_a_program_gets_the_one_error_shape(path: str, db: None) -> None:
    answer = Client().get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_a_person_gets_a_page(db: None) -> None:
    answer = Client().get("/nothing/")
    assert answer.status_code == 404
    assert b"<h1>" in answer.content
