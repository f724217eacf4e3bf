"""The operator's pages of providers and models, by those who may and those who may not."""

import pytest

from feedback.people.models import AuditEvent
from feedback.registry.models import LanguageModel, ModelVersion, Provider, VersionState
from tests.feedback.builders import make_response, make_turn
from tests.markup import tight

pytestmark = pytest.mark.django_db
URL = "/operate/models/"
MODEL = {
    "name": "Tea Model",
    "topics": "Tea, Hot drinks",
    "description": "Knows tea.",
    "remote_name": "tea-1",
    "system_prompt": "Be brief.",
    "sampling": '{"temperature": 0.5}',
    "output_licence": "CC-BY-4.0",
}


@pytest.fixture
def operator(olivia, client_of):
    return client_of(olivia)


def add_provider(browser, base_url: str, **more: str):
    form = {"name": "Tea House", "base_url": base_url} | more
    return browser.post(f"{URL}provider/", form, follow=True)


def test_a_provider_and_a_model_are_added_tested_and_used(operator, olivia, bad_server):
    page = add_provider(operator, f"{bad_server.url}/good/v1", requests_per_minute="60")
    assert "Tea House was added." in page.content.decode()
    operator.post(f"{URL}model/", MODEL | {"provider": "Tea House"})
    version = ModelVersion.objects.get()
    assert (version.label, version.version, version.model.slug) == ("Tea Model", "1", "tea-model")
    assert (version.system_prompt, version.sampling) == ("Be brief.", {"temperature": 0.5})
    assert {topic.slug for topic in version.model.topics.all()} == {"tea", "hot-drinks"}
    page = operator.post(f"{URL}version/{version.pk}/do/", {"do": "try"}, follow=True)
    assert "Tea Model answers: “Tea is a leaf.”" in page.content.decode()
    sent = bad_server.asked[0][1]
    assert (sent["model"], sent["messages"][0]["content"]) == ("tea-1", "Be brief.")
    noted = AuditEvent.objects.filter(actor=olivia).order_by("created_at")
    actions = list(noted.values_list("action", flat=True))
    assert actions == ["provider.create", "version.create"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"base_url": "ftp://example.org"}, "base_url"),
        ({"base_url": "file:///etc/passwd"}, "base_url"),
        ({"base_url": "https://me:secret@example.org/v1"}, "base_url"),
        ({"base_url": "https://example.org/v1?key=1"}, "base_url"),
        ({"base_url": "https://[::1/v1"}, "base_url"),
        ({"base_url": "example.org"}, "base_url"),
        ({"api_key_variable": "SECRET_KEY"}, "api_key_variable"),
        ({"api_key_variable": "DATABASE_URL"}, "api_key_variable"),
        ({"api_key_variable": "sk-the-key-itself"}, "api_key_variable"),
        ({"requests_per_minute": "many"}, "requests_per_minute"),
        ({"requests_per_minute": "0"}, "requests_per_minute"),
        ({"name": ""}, "name"),
    ],
)
def test_what_is_wrong_is_said_and_kept_in_the_form(operator, wrong, field):
    form = {"base_url": "https://example.org/v1", "api_key_variable": "EXAMPLE_API_KEY"} | wrong
    page = add_provider(operator, **form)
    assert page.status_code == 400
    words = page.content.decode()
    assert f" {field}: " in words
    assert 'placeholder="https://example.org/v1"' in words
    assert not Provider.objects.exists()


def test_a_nul_character_is_refused_like_any_wrong_field(operator, bad_server):
    page = add_provider(operator, bad_server.url, name="Tea\x00House")
    assert page.status_code == 400
    assert " name: " in page.content.decode()


def test_a_name_is_taken_once(operator, bad_server):
    add_provider(operator, bad_server.url)
    assert add_provider(operator, bad_server.url).status_code == 409
    operator.post(f"{URL}model/", MODEL | {"provider": "Tea House"})
    again = operator.post(f"{URL}model/", MODEL | {"provider": "Tea House"})
    assert again.status_code == 409
    assert LanguageModel.objects.count() == 1


def test_a_version_that_has_answered_is_kept_and_a_change_is_a_new_one(operator, version_at):
    version = version_at("good")
    url = f"{URL}version/{version.pk}/"
    form = {"provider": "good", "remote_name": "tea-2", "sampling": ""}
    assert "can still be changed" in operator.get(url).content.decode()
    operator.post(url, form)
    version.refresh_from_db()
    assert (version.remote_name, ModelVersion.objects.count()) == ("tea-2", 1)
    make_response(make_turn(), version)
    page = operator.post(url, form | {"remote_name": "tea-3"}, follow=True)
    assert "Saved as a new version." in page.content.decode()
    version.refresh_from_db()
    assert (version.remote_name, version.state) == ("tea-2", VersionState.RETIRED)
    new = ModelVersion.objects.exclude(pk=version.pk).get()
    assert (new.label, new.version, new.remote_name) == ("Good Model v2", "2", "tea-3")
    assert operator.post(url, form | {"sampling": "[1]"}).status_code == 400


def test_a_provider_is_tried_paused_used_again_limited_and_retired(operator, version_at):
    provider = version_at("500").provider
    url = f"{URL}provider/{provider.pk}/"
    page = operator.post(url, {"do": "try"}, follow=True).content.decode()
    assert "500 Model: It answered with an error (status 500)." in page
    assert "In use, the last call failed" in page
    for state in ("paused", "active"):
        operator.post(url, {"do": state})
        assert Provider.objects.get().state == state
    operator.post(url, {"do": "limit", "requests_per_minute": "30"})
    assert Provider.objects.get().requests_per_minute == 30
    operator.post(url, {"do": "retired"})
    assert operator.post(url, {"do": "active"}).status_code == 409
    assert operator.post(url, {"do": "gone"}).status_code == 400
    assert Provider.objects.get().state == VersionState.RETIRED
    assert "Try now" not in operator.get(URL).content.decode()


def test_a_key_is_on_no_page(operator, version_at, monkeypatch):
    monkeypatch.setenv("TEA_API_KEY", "very-secret")
    version = version_at("401", api_key_variable="TEA_API_KEY")
    operator.post(f"{URL}provider/{version.provider.pk}/", {"do": "try"})
    page = operator.get(URL).content.decode()
    assert "key from TEA_API_KEY" in page
    assert "It does not accept our key (status 401)." in page
    assert "very-secret" not in page


def test_members_and_strangers_see_nothing_and_change_nothing(
    alice, client_of, stranger, version_at
):
    version = version_at("good")
    targets = [
        f"{URL}provider/",
        f"{URL}model/",
        f"{URL}provider/{version.provider.pk}/",
        f"{URL}version/{version.pk}/",
        f"{URL}version/{version.pk}/do/",
    ]
    for browser in (client_of(alice), stranger):
        assert browser.get(URL).status_code == 403
        for target in targets:
            assert browser.post(target, {"do": "retired"}).status_code == 403
    assert Provider.objects.get().state == VersionState.ACTIVE


def test_what_is_not_there_is_not_found(operator):
    nobody = "00000000-0000-7000-8000-000000000000"
    for path in (f"provider/{nobody}/", f"version/{nobody}/", f"version/{nobody}/do/"):
        assert operator.post(URL + path, {"do": "try"}).status_code == 404


def test_an_operator_says_what_a_version_costs(operator, olivia, version_at, alice, client_of):
    version = version_at("good")
    make_response(make_turn(), version)  # it has answered: prices may change all the same
    url = f"{URL}version/{version.pk}/do/"
    form = {"do": "price", "stay": "1", "input_price": "0.15", "output_price": ""}
    page = tight(operator.post(url, form, follow=True).content.decode())
    version.refresh_from_db()
    assert (str(version.input_price), version.output_price) == ("0.1500", None)
    assert 'name="input_price" value="0.1500"' in page
    for wrong in ("cheap", "-1", "NaN", "1e9", "0.00001"):
        refused = operator.post(url, form | {"output_price": wrong})
        assert refused.status_code == 400
        assert "output_price" in refused.context["problem"].fields
    assert client_of(alice).post(url, form).status_code == 403
    detail = AuditEvent.objects.get(action="version.price", actor=olivia).detail
    assert detail == {"input": "0.15", "output": None}
