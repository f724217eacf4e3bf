"""Providers and models over REST: for operators with the right key."""

import pytest
from django.db import IntegrityError, transaction

from feedback.people.services import apikey_create
from feedback.registry.models import ModelVersion, Provider
from tests.feedback.builders import make_response, make_turn

pytestmark = pytest.mark.django_db
MODEL = {
    "name": "Tea Model",
    "topics": ["tea"],
    "provider": "Tea House",
    "remote_name": "tea-1",
    "sampling": {"temperature": 0.5},
}


@pytest.fixture
def post(client, olivia):
    def send(path: str, body: dict, contributor=olivia, scope: str = "models:write"):
        key = apikey_create(contributor=contributor, name="k", scopes=[scope])
        headers = {"Authorization": f"Bearer {key}"}
        return client.post(
            f"/api/v1/{path}", body, content_type="application/json", headers=headers
        )

    return send


@pytest.fixture
def tea_house(post, bad_server):
    body = {"name": "Tea House", "base_url": f"{bad_server.url}/good/v1"}
    assert post("providers/", body).status_code == 201
    return Provider.objects.get()


def test_a_model_goes_from_nothing_to_its_second_version(post, tea_house, client):
    made = post("models/", MODEL)
    assert made.status_code == 201
    body = made.json()
    assert (body["model"], body["slug"], body["version"]) == ("Tea Model", "tea-model", "1")
    assert body["condition"]["state"] == "active"
    tried = post(f"versions/{body['id']}/try/", {}).json()
    assert tried == {"model": "Tea Model", "text": "Tea is a leaf.", "problem": ""}
    changed = post(f"versions/{body['id']}/", MODEL | {"remote_name": "tea-2"}).json()
    assert (changed["id"], changed["remote_name"]) == (body["id"], "tea-2")
    make_response(make_turn(), ModelVersion.objects.get())
    changed = post(f"versions/{body['id']}/", MODEL | {"remote_name": "tea-3"}).json()
    assert (changed["model"], changed["remote_name"]) == ("Tea Model v2", "tea-3")
    third = post("models/tea-model/versions/", MODEL | {"remote_name": "tea-4"})
    assert (third.status_code, third.json()["version"]) == (201, "3")
    shown = client.get("/api/v1/models/tea-model/").json()
    assert (shown["model"], shown["version"], shown["topics"]) == ("Tea Model v3", "3", ["tea"])
    assert {"rating", "lineage", "embedding"} <= set(shown)
    assert post(f"versions/{body['id']}/state/", {"state": "active"}).status_code == 409
    paused = post(f"versions/{third.json()['id']}/state/", {"state": "paused"}).json()
    assert paused["condition"]["state"] == "paused"


def test_the_database_keeps_what_a_version_was_when_it_answered(version_at):
    version = version_at("good")
    make_response(make_turn(), version)
    for change in ({"remote_name": "x"}, {"system_prompt": "x"}, {"sampling": {"seed": 1}}):
        with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
            ModelVersion.objects.filter(pk=version.pk).update(**change)
    ModelVersion.objects.filter(pk=version.pk).update(state="paused", failures=2)


def test_providers_are_listed_tried_and_paused_without_their_key(
    post, tea_house, client, olivia, monkeypatch
):
    monkeypatch.setenv("TEA_API_KEY", "very-secret")
    Provider.objects.update(api_key_variable="TEA_API_KEY")
    post("models/", MODEL)
    tried = post(f"providers/{tea_house.pk}/try/", {}).json()
    assert [trial["problem"] for trial in tried] == [""]
    post(f"providers/{tea_house.pk}/state/", {"state": "paused"})
    key = apikey_create(contributor=olivia, name="k", scopes=["models:write"])
    listed = client.get("/api/v1/providers/", headers={"Authorization": f"Bearer {key}"})
    (row,) = listed.json()
    assert (row["name"], row["condition"]["state"]) == ("Tea House", "paused")
    assert "very-secret" not in listed.content.decode()


def test_a_model_whose_name_is_not_ascii_gets_another_version(post, tea_house):
    slug = post("models/", MODEL | {"name": "Thé Vert"}).json()["slug"]
    added = post(f"models/{slug}/versions/", MODEL | {"remote_name": "tea-2"})
    assert (slug, added.status_code, added.json()["version"]) == ("thé-vert", 201, "2")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"remote_name": ""}, "remote_name"),
        ({"sampling": {"messages": []}}, "sampling"),
        ({"sampling": "hot"}, "sampling"),
    ],
)
def test_what_is_wrong_is_told_by_field(post, tea_house, body, field):
    answer = post("models/", MODEL | body)
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]


def test_an_unknown_provider_or_model_is_not_found(post, tea_house):
    assert post("models/", MODEL | {"provider": "Nobody"}).status_code == 404
    assert post("models/nothing/versions/", MODEL).status_code == 404


def test_only_operators_with_the_scope_may(post, tea_house, alice, olivia, client):
    assert post("models/", MODEL, alice).status_code == 403
    assert post("models/", MODEL, olivia, "models:use").status_code == 403
    assert client.post("/api/v1/models/", MODEL, content_type="application/json").status_code == 401
    assert client.get("/api/v1/providers/").status_code == 401
    assert client.get("/api/v1/models/", headers={"Authorization": "Bearer x"}).status_code == 200
    assert not ModelVersion.objects.exists()


def test_the_schema_documents_it(client):
    schema = client.get("/api/schema/").content.decode()
    assert "/api/v1/providers/:" in schema
    assert "/api/v1/models/{slug}/versions/:" in schema
    assert "api_key_variable" in schema


def test_prices_are_set_and_shown(post, tea_house, alice):
    made = post("models/", MODEL).json()
    assert made["input_price"] is None
    path = f"versions/{made['id']}/price/"
    priced = post(path, {"input_price": "0.15", "output_price": 2}).json()
    assert (priced["input_price"], priced["output_price"]) == ("0.1500", "2.0000")
    assert post(path, {"input_price": -1, "output_price": None}).status_code == 400
    assert post(path, {"input_price": 1, "output_price": 1}, alice).status_code == 403
    cleared = post(path, {"input_price": None, "output_price": None}).json()
    assert cleared["input_price"] is None
