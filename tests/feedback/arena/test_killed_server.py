"""A model server that is killed while it streams: answers are taken up when it is back."""

import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from config.supervisor.plan import any_port
from feedback.pool.models import Comparison, Response, ResponseState
from feedback.registry.models import Provider
from tests.conftest import ROOT
from tests.feedback.arena.builders import live
from tests.feedback.arena.model_server import WORDS
from tests.feedback.arena.test_live_answers import ask, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
TEXT = "".join(WORDS)
PEOPLE = 4  # each waits for two answers


class Killable:
    """A server process at one port."""

    def __init__(self) -> None:
        self.port = any_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *changed: str) -> None:
        command = [sys.executable, "-m", "tests.feedback.arena.model_server", str(self.port)]
        self._process = subprocess.Popen([*command, *changed], cwd=ROOT)
        until(self._listens)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        try:
            return httpx.get(self.url, timeout=1).status_code > 0
        except httpx.HTTPError:
            return False


@pytest.fixture
def server() -> Iterator[Killable]:
    made = Killable()
    made.start()
    yield made
    made.kill()


def states() -> set[str]:
    return set(Response.objects.values_list("state", flat=True))


def test_all_answers_are_taken_up_when_it_is_back(alice, client_of, server):
    live("slow", server.url)
    live("story", server.url)
    browser = client_of(alice)
    urls = [ask(browser) for _ in range(PEOPLE)]
    until(lambda: Response.objects.exclude(text="").count() == 2 * PEOPLE)
    server.kill()
    until(lambda: Response.objects.filter(error="broken off").count() == 2 * PEOPLE)
    page = browser.get(urls[0])  # meanwhile the site answers, and what had come is there
    assert page.status_code == 200
    assert "Begun once more…" in page.content.decode()
    assert "Vector " in page.content.decode()
    server.start("slow=quick", "story=plain")
    until(lambda: states() == {ResponseState.FINISHED})
    assert set(Response.objects.values_list("text", flat=True)) == {TEXT}
    assert not Comparison.objects.exclude(unranked_reason="").exists()
    provider = Provider.objects.get()
    assert (provider.failures, provider.resting_until) == (0, None)


def test_where_it_stays_away_what_had_come_is_kept_and_can_be_asked_for_again(
    alice, client_of, server, monkeypatch
):
    monkeypatch.setattr("feedback.arena.answers.second_tries.PATIENCE", 3.0)
    live("slow", server.url)
    live("story", server.url)
    browser = client_of(alice)
    url = ask(browser)
    until(lambda: Response.objects.exclude(text="").count() == 2)
    server.kill()
    until(lambda: states() == {ResponseState.FAILED})
    page = browser.get(url).content.decode()
    assert "Try again" in page
    assert "Judge what is there" in page
    assert "We kept your message." in page
    assert all(Response.objects.values_list("text", flat=True))
    server.start("slow=quick", "story=plain")
    assert browser.post(f"{url}retry/").status_code == 303
    browser.get(url)
    until(lambda: states() == {ResponseState.FINISHED})
