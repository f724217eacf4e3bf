"""Asking the arena: two answers to a recorded question, and a message that is never lost."""

import pytest
from django.test import Client
from django.urls import reverse

from feedback.arena.candidates import answerable_versions
from feedback.arena.recorded import PAGE_SIZE, question_examples, questions_page
from feedback.people.rate_limits.limits import Rate
from feedback.pool.models import Comparison, Conversation, Response, ResponseState
from feedback.registry.models import Topic, VersionState
from feedback.routing.models import ModelRoute
from tests.feedback.arena.builders import QUESTION, live, record_question, replaying, two_recorded
from tests.markup import tight

pytestmark = pytest.mark.django_db


def ask(client: Client, **fields: str):
    return client.post(reverse("arena_ask"), fields)


def test_a_visit_begins_at_the_arena_and_a_stranger_sees_the_terms_first(stranger):
    assert stranger.get("/").headers["Location"] == "/arena/"
    assert stranger.get("/arena/").headers["Location"] == "/terms/?next=%2Farena%2F"


def test_a_recorded_question_is_answered_by_two_models_at_once(alice, client_of):
    recorded = two_recorded(topic="computing")
    answer = ask(client_of(alice), recorded=recorded.conversation.public_id)
    assert answer.status_code == 303
    comparison = Comparison.objects.get()
    turn = comparison.turn
    assert turn.conversation.contributor == alice
    assert turn.messages == recorded.messages
    assert [topic.slug for topic in turn.topics.all()] == ["computing"]
    assert comparison.unranked_reason == ""
    assert [(o.kind, o.source) for o in comparison.origins.all()] == [("arena", "arena")]
    sources = set(recorded.responses.values_list("public_id", flat=True))
    for response in (comparison.response_a, comparison.response_b):
        assert response.state == ResponseState.FINISHED
        assert response.licence == "CC-BY-4.0"
        assert response.sampling["replay_of"] in sources
    route = ModelRoute.objects.get(turn=turn)
    assert route.chosen == [comparison.version_a_id, comparison.version_b_id]
    assert 0 < route.pair_propensity <= 1


def test_the_same_words_find_the_recorded_answers(alice, client_of):
    two_recorded("First line.\nSecond line.")
    answer = ask(client_of(alice), text="  First line.\r\nSecond line.\r\n")
    assert answer.status_code == 303


def test_what_nobody_can_answer_comes_back_with_the_message(alice, client_of):
    two_recorded()
    answer = ask(client_of(alice), text="What is <new> under the sun?")
    assert answer.status_code == 503
    page = answer.content.decode()
    assert "No model here can answer a new question now" in page
    assert "We kept your message." in page
    assert "What is &lt;new&gt; under the sun?</textarea>" in page
    assert not Conversation.objects.filter(source="arena").exists()


def test_one_model_is_no_comparison(alice, client_of):
    record_question({replaying("Ada"): "Alone."})
    answer = ask(client_of(alice), text=QUESTION)
    assert answer.status_code == 503
    assert "Only one model can answer this now" in answer.content.decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Write a message first."),
        (" \n ", "Write a message first."),
        ("a\x00b", "A message cannot contain a NUL character."),
        ("x" * 5_000_000, "A message has at most 20\u202f000 characters."),
    ],
)
def test_a_message_that_cannot_be_asked_is_refused_in_words(alice, client_of, text, words):
    answer = ask(client_of(alice), text=text)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not Conversation.objects.filter(source="arena").exists()


def test_an_unknown_recorded_question_is_refused(alice, client_of):
    answer = ask(client_of(alice), recorded="nothere")
    assert answer.status_code == 404
    assert "This recorded question is gone." in answer.content.decode()


def test_who_is_paused_or_has_no_answer_is_not_asked():
    ada, blaise, clara, dora = (replaying(name) for name in ("Ada", "Blaise", "Clara", "Dora"))
    turn = record_question({ada: "One.", blaise: "Two.", clara: "Three."})
    clara.state = VersionState.PAUSED
    clara.save()
    turn.responses.filter(version=blaise).update(state=ResponseState.FAILED)
    assert answerable_versions(turn.messages) == [ada]
    assert dora not in answerable_versions(turn.messages)


def test_an_answer_of_the_arena_is_not_replayed_to_others(alice, client_of):
    two_recorded()
    ask(client_of(alice), text=QUESTION)
    Response.objects.filter(source="records").delete()
    assert answerable_versions([{"role": "user", "content": QUESTION}]) == []


def test_examples_are_of_different_topics_and_in_the_language_of_the_visitor():
    ada, blaise = replaying("Ada"), replaying("Blaise")
    for number in range(6):
        topic = ("law", "law", "law", "law", "medicine", "cooking")[number]
        record_question({ada: "Yes.", blaise: "No."}, f"Question {number}?", topic)
    record_question({ada: "Ja.", blaise: "Nein."}, "Frage?", "writing", language="de")
    record_question({ada: "Yes."}, "Answered once?", "mathematics")
    for _ in range(5):
        examples = question_examples("en")
        assert {t.topics.get().slug for t in examples} == {"law", "medicine", "cooking"}


def test_recorded_questions_are_found_by_their_words_and_paged():
    ada, blaise = replaying("Ada"), replaying("Blaise")
    for number in range(PAGE_SIZE + 3):
        record_question({ada: "Yes.", blaise: "No."}, f"Is {number} a “number”?")
    record_question({ada: "Yes."}, "Is this answered twice?")
    first = questions_page()
    assert len(first.questions) == PAGE_SIZE
    assert first.after == first.questions[-1].conversation.public_id
    rest = questions_page(after=first.questions[-1].id)
    assert len(rest.questions) == 3
    assert rest.after == ""
    found = questions_page(text="22 A “NUM")
    assert [turn.messages[0]["content"] for turn in found.questions] == ["Is 22 a “number”?"]
    assert questions_page(text="%").questions == []


def test_the_page_lists_recorded_questions_where_no_model_is_connected(alice, client_of):
    two_recorded("Why is the sky blue?")
    browser = client_of(alice)
    page = browser.get("/arena/").content.decode()
    assert "No model is connected to this site now" in page
    assert page.count("Why is the sky blue?") == 2  # an example, and in the list
    live("quick", "http://127.0.0.1:9")
    assert "Only one model is connected" in browser.get("/arena/").content.decode()
    nothing = browser.get("/arena/", {"q": "<b>", "after": "zzz"}).content.decode()
    assert "No recorded question contains “&lt;b&gt;”." in nothing
    live("plain", "http://127.0.0.1:9")
    assert "Recorded questions" not in browser.get("/arena/").content.decode()


def test_a_form_that_is_sent_twice_is_one_question(alice, bob, client_of):
    two_recorded()
    key = "abcdefgh23456789"
    browser = client_of(alice)
    answers = [ask(browser, text=QUESTION, key=key) for _ in range(2)]
    assert {answer.headers["Location"] for answer in answers} == {f"/arena/{key}/"}
    two_recorded("Something else?")
    other = ask(browser, text="Something else?", key=key)  # by the back button
    assert other.headers["Location"] != f"/arena/{key}/"
    theirs = ask(client_of(bob), text=QUESTION, key=key)
    assert theirs.headers["Location"] != f"/arena/{key}/"
    assert Conversation.objects.filter(source="arena").count() == 3


@pytest.mark.parametrize("key", ["", "short", "../../etc/passwd", "ABCDEFGH23456789", "x" * 500])
def test_a_key_that_we_did_not_make_is_not_used(alice, client_of, key):
    two_recorded()
    assert ask(client_of(alice), text=QUESTION, key=key).status_code == 303
    assert len(Conversation.objects.get(source="arena").public_id) == 16


def test_who_asks_too_often_waits_and_keeps_the_message(alice, bob, client_of, monkeypatch):
    monkeypatch.setattr("feedback.arena.asking.PERSON", Rate(2, per=600))
    two_recorded()
    browser = client_of(alice)
    assert [ask(browser, text=QUESTION).status_code for _ in range(3)] == [303, 303, 429]
    page = ask(browser, text="A <long> thought").content.decode()
    assert "A &lt;long&gt; thought</textarea>" in page
    url = reverse("arena_conversation", args=[Conversation.objects.last().public_id])
    assert browser.post(f"{url}follow-up/", {"text": "More"}).status_code == 429
    assert ask(client_of(bob), text=QUESTION).status_code == 303
    monkeypatch.setattr("feedback.arena.asking.ADDRESS", Rate(1, per=600))
    assert [ask(client_of(bob), text=QUESTION).status_code for _ in range(2)][-1] == 429


@pytest.mark.parametrize("mode", ["duel", "assist"])
def test_a_subject_may_be_chosen_and_only_its_models_answer(alice, client_of, model_server, mode):
    versions = [live(name, model_server.url) for name in ("quick", "echo", "slow")]
    tea = Topic.objects.create(slug="tea", name="Tea & herbs")
    for version in versions[:2]:
        version.model.topics.add(tea)
    browser = client_of(alice)
    assert "Tea &amp; herbs</option>" in tight(browser.get(reverse("arena")).content.decode())
    form = {"text": "Which leaf?", "mode": mode, "topic": "tea"}
    assert browser.post(reverse("arena_ask"), form).status_code == 303
    route = ModelRoute.objects.get()
    assert {one["label"] for one in route.considered} == {v.label for v in versions[:2]}
    assert route.constraints == {"topics": ["tea"]}
    for topic, status in (("astrology", 400), ("x" * 500, 400), ("\x00", 303)):
        assert browser.post(reverse("arena_ask"), form | {"topic": topic}).status_code == status
    versions[0].model.topics.clear()
    versions[1].model.topics.clear()
    refused = browser.post(reverse("arena_ask"), form)
    assert refused.status_code == 503
    page = refused.content.decode()
    assert "topics tea" in page
    assert "Which leaf?</textarea>" in page
