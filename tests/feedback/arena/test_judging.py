"""Judging in the arena: blind before the commit, names after it, and once."""

import pytest
from django.test import Client
from django.urls import reverse

from feedback.pool.models import Comparison, Preference, ResponseState
from feedback.ranking.models import VoteTally
from feedback.registry.models import ModelVersion
from tests.feedback.arena.builders import QUESTION, record_question, replaying, two_recorded
from tests.feedback.builders import withdraw

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(alice, client_of) -> Client:
    """Alice, who has asked a question that two models answered."""
    two_recorded()
    client = client_of(alice)
    client.post(reverse("arena_ask"), {"text": QUESTION})
    return client


def page(browser: Client) -> str:
    public_id = Comparison.objects.get().turn.conversation.public_id
    return browser.get(reverse("arena_conversation", args=[public_id])).content.decode()


def judge(browser: Client, choice: str = "2", key: str = "k1", **headers: str):
    fields = {"comparison": Comparison.objects.get().public_id, "choice": choice, "key": key}
    return browser.post(reverse("arena_judge"), fields, **headers)


def labels() -> list[str]:
    return list(ModelVersion.objects.values_list("label", flat=True))


def test_names_come_after_the_judgment_and_not_before(browser):
    before = page(browser)
    assert "names hidden" in before
    assert not any(label in before for label in labels())
    assert judge(browser).status_code == 303
    comparison = Comparison.objects.get()
    after = page(browser)
    words = f"Saved. Answer 1 was {comparison.version_a}, Answer 2 was {comparison.version_b}."
    assert words in after
    assert "Why these two" in after
    assert "No model embedding is in use yet" in after
    assert comparison.turn.conversation.revealed_at is not None


def test_the_judgment_is_the_authors_in_the_order_shown(browser, alice):
    judge(browser, "1", headers={"HX-Request": "true"})
    preference = Preference.objects.get()
    assert (preference.choice, preference.order_shown) == ("a", "ab")
    assert (preference.role, preference.source) == ("author", "arena")
    assert preference.rater.contributor == alice
    assert preference.consent is not None
    assert VoteTally.objects.filter(topic=None).count() == 1


def test_the_same_key_saves_once_and_another_key_is_told_so(browser):
    judge(browser)
    assert judge(browser).status_code == 303
    again = judge(browser, "1", key="k2")
    assert again.status_code == 409
    assert "You have judged this comparison already." in again.content.decode()
    assert judge(browser, "1").status_code == 409
    assert Preference.objects.get().choice == "b"


@pytest.mark.parametrize("choice", ["", "a", "3"])
def test_an_unknown_choice_is_refused(browser, choice):
    assert judge(browser, choice).status_code == 400
    assert not Preference.objects.exists()


@pytest.mark.parametrize("state", [ResponseState.WRITING, ResponseState.FAILED])
def test_an_answer_that_is_not_there_cannot_be_judged(browser, state):
    response = Comparison.objects.get().response_b
    type(response).objects.filter(pk=response.pk).update(state=state)
    refused = judge(browser, headers={"HX-Request": "true"})
    assert refused.status_code == 409
    assert refused.headers["HX-Retarget"] == "#problem"
    assert "You can judge when both answers have finished." in refused.content.decode()
    assert not Preference.objects.exists()


def test_a_withdrawn_judgment_is_not_given_again_with_the_names_known(browser, alice):
    judge(browser)
    withdraw(Preference.objects.get(), alice)
    assert "Withdrawn. Answer 1 was" in page(browser)
    assert judge(browser, key="k2").status_code == 409


def test_an_answer_that_names_its_model_does_not_count_in_rankings(alice, client_of):
    record_question({replaying("House Coder"): "I am House Coder.", replaying("Clio"): "No."})
    client = client_of(alice)
    client.post(reverse("arena_ask"), {"text": QUESTION})
    assert Comparison.objects.get().unranked_reason == "names_model"
    judge(client)
    assert Preference.objects.count() == 1
    assert not VoteTally.objects.exists()


def test_only_its_author_sees_and_judges_a_conversation(browser, bob, stranger, client_of):
    comparison = Comparison.objects.get()
    public_id = comparison.turn.conversation.public_id
    gets = [reverse("arena_conversation", args=[public_id])]
    posts = [
        (reverse(name, args=[public_id]), {"text": "And then?"})
        for name in (
            *("arena_follow_up", "arena_stop", "arena_retry", "arena_replace", "arena_again"),
        )
    ]
    judgment = {"comparison": comparison.public_id, "choice": "1", "key": "k"}
    posts += [(reverse("arena_judge"), judgment), (reverse("arena_extras"), judgment)]
    answer = comparison.response_a.public_id
    posts += [
        (reverse("arena_edit", args=[answer]), {"text": "Mine."}),
        (reverse("arena_thumb", args=[answer]), {"value": "up"}),
    ]
    member = client_of(bob)
    assert [member.get(url).status_code for url in gets] == [404]
    assert [member.post(url, data).status_code for url, data in posts] == [404] * 9
    sent_away = [stranger.get(url) for url in gets]
    sent_away += [stranger.post(url, data) for url, data in posts]
    assert {answer.headers["Location"].split("?")[0] for answer in sent_away} == {"/terms/"}
    assert not Preference.objects.exists()
    assert [browser.get(url).status_code for url in gets] == [200]
