"""Why this model: for who asked and for operators, never before a duel is judged."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.pool.models import Comparison
from feedback.registry.models import ModelVersion
from feedback.routing.explaining.sentences import sentences
from feedback.routing.explaining.why import explain
from feedback.routing.models import ModelRoute
from feedback.routing.retention import KEPT, routes_collect
from feedback.routing.services import models_route
from feedback.routing.thresholds.services import threshold_create
from tests.feedback.arena.builders import QUESTION, two_recorded
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version

pytestmark = pytest.mark.django_db
ASKED = [{"role": "user", "content": "Which one?"}]

Browser = Callable[[Contributor], Client]


def decide(contributor: Contributor, **wanted: Any) -> ModelRoute:
    """A decision among six, of which the first wins everything."""
    versions = [make_version(f"<b>Model</b> {letter}") for letter in "ABCDEF"]
    for _ in range(20):
        judge(make_comparison(None, versions[0], versions[1]), make_contributor(), "a")
    return models_route(
        messages=ASKED, candidates=versions, contributor=contributor, **wanted
    ).route


def ask(browser: Client, mode: str) -> ModelRoute:
    """The decision behind a question of the arena."""
    location = browser.post(reverse("arena_ask"), {"text": QUESTION, "mode": mode})["Location"]
    browser.get(location)
    return ModelRoute.objects.latest("id")


def test_the_page_tells_scores_chances_and_reasons(alice: Contributor, client_of: Browser) -> None:
    route = decide(alice, k=1, policy="best")
    page = client_of(alice).get(f"/routes/{route.public_id}/").content.decode()
    assert "Why this model" in page
    assert "No model embedding is in use yet" in page
    assert "6 models could answer." in page
    assert "&lt;b&gt;Model&lt;/b&gt; A" in page
    assert "<b>Model</b>" not in page
    assert page.count('<th scope="row">') == 4  # the one that was shown, and three others
    assert re.search(r"0\.\d\d–0\.\d\d", page)


@pytest.mark.parametrize("who", ["bob", "stranger", "olivia"])
def test_strangers_do_not_learn_that_it_exists(
    alice: Contributor, bob: Contributor, olivia: Contributor, client_of: Browser, who: str
) -> None:
    url = f"/routes/{decide(alice).public_id}/"
    browser = Client() if who == "stranger" else client_of({"bob": bob, "olivia": olivia}[who])
    answer = browser.get(url)
    assert answer.status_code == {"bob": 404, "stranger": 302, "olivia": 200}[who]
    if who != "olivia":
        assert "Model" not in answer.content.decode().split("<main")[-1].split("</main")[0]


@pytest.mark.parametrize("address", ["nosuchroute", "%00", "é", "a" * 300])
def test_what_is_not_there_is_not_found(
    alice: Contributor, client_of: Browser, address: str
) -> None:
    assert client_of(alice).get(f"/routes/{address}/").status_code == 404


def test_a_duel_tells_nothing_before_it_is_judged_and_all_after(
    alice: Contributor, olivia: Contributor, client_of: Browser
) -> None:
    two_recorded()
    browser = client_of(alice)
    route = ask(browser, "duel")
    urls = (f"/routes/{route.public_id}/", f"/api/v1/routes/{route.public_id}/")
    for who in (browser, client_of(olivia)):
        for url in urls:
            refused = who.get(url)
            assert refused.status_code == 409
            for version in ModelVersion.objects.all():
                assert version.label not in refused.content.decode()
    log = client_of(olivia).get("/operate/router/").content.decode().split('id="log"')[1]
    assert "Waits for a judgment" in log
    assert not [v.label for v in ModelVersion.objects.all() if v.label in log]
    comparison = Comparison.objects.get(turn=route.turn)
    form = {"comparison": comparison.public_id, "choice": "1", "key": "k" * 16}
    assert browser.post(reverse("arena_judge"), form).status_code == 303
    page = browser.get(urls[0])
    assert page.status_code == 200
    assert "Why these two models" in page.content.decode()
    judged = browser.get(
        reverse("arena_conversation", args=[comparison.turn.conversation.public_id])
    )
    assert urls[0] in judged.content.decode()
    assert {one["model"] for one in browser.get(urls[1]).json()["models"]} == {
        version.label for version in ModelVersion.objects.all()
    }


def test_an_answer_by_name_leads_to_why(alice: Contributor, client_of: Browser) -> None:
    two_recorded()
    browser = client_of(alice)
    route = ask(browser, "assist")
    assert route.turn
    url = reverse("arena_conversation", args=[route.turn.conversation.public_id])
    link = f'href="/routes/{route.public_id}/"'
    assert link in browser.get(url).content.decode()
    assert QUESTION in browser.get(f"/routes/{route.public_id}/").content.decode()


def test_rest_gives_the_same_to_the_same_people(
    client: Client, alice: Contributor, bob: Contributor
) -> None:
    route = decide(alice, k=2)

    def get(who: Contributor, scope: str = "models:use") -> Any:
        key = apikey_create(contributor=who, name="k", scopes=[scope])
        headers = {"Authorization": f"Bearer {key}"}
        return client.get(f"/api/v1/routes/{route.public_id}/", headers=headers)

    found = get(alice).json()
    assert [one["model"] for one in found["models"]] == [
        one["label"]
        for version in route.chosen
        for one in route.considered
        if one["version"] == str(version)
    ]
    assert (found["considered"], len(found["others"])) == (6, 3)
    assert all(one["low"] < one["score"] < one["high"] for one in found["models"])
    assert found["fallback"] == "no_embedding"
    assert get(bob).status_code == 404
    assert get(alice, "pool:read").status_code == 403
    assert client.get(f"/api/v1/routes/{route.public_id}/").status_code == 401


def test_an_exploration_is_called_one(alice: Contributor) -> None:
    route = decide(alice, k=1, policy="best")
    best = max(route.considered, key=lambda one: one["score"])
    worst = min(route.considered, key=lambda one: one["score"])
    for one, explored in ((best, False), (worst, True)):
        route.chosen = [one["version"]]
        found = explain(route)
        assert found.explored is explored
        assert ("to learn more about it" in " ".join(sentences(found))) is explored


def test_decisions_that_nobody_used_are_forgotten_after_a_while(alice: Contributor) -> None:
    judged = make_comparison()
    judge(judged, alice)
    versions = [make_version(), make_version()]
    routes = {
        name: models_route(messages=ASKED, candidates=versions, turn=turn).route
        for name, turn in (
            ("call", None),
            ("unjudged", make_comparison().turn),
            ("judged", judged.turn),
            ("new", None),
        )
    }
    old = ModelRoute.objects.exclude(pk=routes["new"].pk)
    old.update(created_at=timezone.now() - KEPT - timedelta(minutes=1))
    assert routes_collect() == 2
    left = set(ModelRoute.objects.values_list("pk", flat=True))
    assert left == {routes["judged"].pk, routes["new"].pk}


def test_a_threshold_says_what_it_compared(alice: Contributor) -> None:
    versions = [make_version("Strong"), make_version("Weak")]
    threshold_create(name="economy", strong=versions[0], weak=versions[1], share=0.5, actor=None)
    for k in (1, 2):
        route = models_route(messages=ASKED, candidates=versions, k=k, policy="economy").route
        if k == 2:
            assert "Both models of the threshold economy are shown." in sentences(explain(route))
            continue
        assert "left to chance, in the shares" in sentences(explain(route))[0]
        assert explain(route).explored is False
        route.strong_chance, route.threshold, route.fallback = 0.8, 0.6, ""
        for version, explored in ((versions[0], False), (versions[1], True)):
            route.chosen = [version.id]
            assert explain(route).explored is explored
            said = " ".join(sentences(explain(route)))
            assert "beat Weak is at least 60.0%; here it was 80.0%" in said


def test_the_sentences_are_in_the_readers_language() -> None:
    version = make_version("Alone")
    route = models_route(messages=ASKED, candidates=[version], k=1).route
    assert "1 model could answer. Alone had a chance of 100%." in sentences(explain(route))
    versions = [make_version("Strong"), make_version("Weak")]
    route = models_route(messages=ASKED, candidates=versions).route
    assert "in this order: 50.0%." in sentences(explain(route))[-1]
    with override("de"):
        assert "50,0" in sentences(explain(route))[-1]
