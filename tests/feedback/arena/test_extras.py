"""More about a judgment: it supersedes the bare one, and is counted and published once."""

import pytest
from django.test import Client
from django.urls import reverse

from feedback.pool.lifecycle import judgments_publish
from feedback.pool.models import Comparison, Preference, Reaction
from feedback.ranking.models import VoteTally
from tests.feedback.arena.builders import QUESTION, two_recorded
from tests.feedback.builders import withdraw
from tests.markup import tight

pytestmark = pytest.mark.django_db
MORE = {
    "strength": "2",
    "reasons": ["right", "clear"],
    "rationale": " It counts. ",
    "helpful": "2",
    "truthful": "tie",
}


@pytest.fixture
def browser(alice, client_of) -> Client:
    """Alice, who has judged that answer 2 is better."""
    two_recorded()
    client = client_of(alice)
    client.post(reverse("arena_ask"), {"text": QUESTION})
    choose(client, "2")
    return client


def choose(browser: Client, choice: str) -> None:
    form = {"comparison": Comparison.objects.get().public_id, "choice": choice, "key": "first"}
    assert browser.post(reverse("arena_judge"), form).status_code == 303


def active() -> Preference:
    return Preference.objects.get(state="active")


def extend(browser: Client, key: str = "more", of: str = "", **fields: object):
    form = {
        "comparison": Comparison.objects.get().public_id,
        "of": of or active().public_id,
        "key": key,
        **(fields or MORE),
    }
    return browser.post(reverse("arena_extras"), form)


def test_what_is_said_later_supersedes_with_the_same_choice(browser):
    bare = active()
    assert extend(browser).status_code == 303
    full = active()
    assert full.supersedes == bare
    assert (full.choice, full.order_shown, full.judged_at) == ("b", "ab", bare.judged_at)
    assert (full.strength, full.reasons, full.rationale) == (2.0, ["right", "clear"], "It counts.")
    assert full.aspects == {"helpful": "b", "truthful": "tie"}
    assert (full.role, full.source, full.consent) == ("author", "arena", bare.consent)
    bare.refresh_from_db()
    assert bare.state == "superseded"
    assert sum(tally.n for tally in VoteTally.objects.filter(topic=None)) == 1


def test_a_double_click_and_another_window_lose_and_double_nothing(browser):
    bare = active()
    assert extend(browser).status_code == 303
    assert extend(browser, of=bare.public_id).status_code == 303  # the same form once more
    assert Preference.objects.count() == 2
    stale = extend(browser, key="other window", of=bare.public_id, rationale="Less.")
    assert stale.status_code == 409
    assert "You have already saved this in another window." in stale.content.decode()
    assert active().rationale == "It counts."
    assert extend(browser, key="again", rationale="Changed.").status_code == 303
    assert active().rationale == "Changed."
    assert sum(tally.n for tally in VoteTally.objects.filter(topic=None)) == 1


def test_publication_follows(browser, settings):
    settings.PUBLICATION_DELAY_SECONDS = 0
    judgments_publish()
    bare = active()
    assert bare.published_number is not None
    extend(browser)
    judgments_publish()
    bare.refresh_from_db()
    full = active()
    assert bare.removed_number is not None
    assert bare.published_number < bare.removed_number < full.published_number
    assert full.removed_number is None


def test_the_form_shows_what_was_said(browser):
    extend(browser)
    url = reverse("arena_conversation", args=[Comparison.objects.get().turn.conversation.public_id])
    page = tight(browser.get(url).content.decode())
    assert 'name="strength" value="2" checked' in page
    assert 'value="clear" checked' in page
    assert ">It counts.</textarea>" in page


@pytest.mark.parametrize(
    "fields",
    [
        {"strength": "9"},
        {"strength": "nan"},
        {"reasons": ["because"]},
        {"helpful": "a"},
        {"rationale": "x" * 10_001},
        {"rationale": "a\x00b"},
        {"key": ""},
    ],
)
def test_what_cannot_be_said_changes_nothing(browser, fields):
    key = fields.get("key", "more")
    assert extend(browser, **({"rationale": "x"} | fields | {"key": key})).status_code == 400
    assert Preference.objects.count() == 1


def test_a_tie_has_no_strength(alice, client_of):
    two_recorded()
    client = client_of(alice)
    client.post(reverse("arena_ask"), {"text": QUESTION})
    choose(client, "tie")
    assert extend(client, strength="1").status_code == 400
    assert extend(client, reasons=["clear"]).status_code == 303


def test_a_withdrawn_judgment_takes_no_more(browser, alice):
    of = active().public_id
    withdraw(active(), alice)
    assert extend(browser, of=of).status_code == 409
    assert Preference.objects.get().state == "withdrawn"


def test_nothing_is_said_before_the_judgment_or_about_anothers(alice, bob, client_of, browser):
    of = active().public_id
    other = client_of(bob)
    assert extend(other, of=of).status_code == 404
    other.post(reverse("arena_ask"), {"text": QUESTION})
    own = Comparison.objects.get(turn__conversation__contributor=bob)
    form = {"comparison": own.public_id, "of": of, "key": "k", "rationale": "x"}
    early = other.post(reverse("arena_extras"), form)
    assert early.status_code == 409
    assert "Judge these two answers first." in early.content.decode()


def test_the_better_answer_can_be_edited_once_the_names_are_known(browser, bob, client_of):
    better = Comparison.objects.get().response_b
    url = reverse("arena_edit", args=[better.public_id])
    assert browser.post(url, {"text": better.text + "\r\n"}).status_code == 400
    assert browser.post(url, {"text": " "}).status_code in (400, 404)
    assert browser.post(url, {"text": "Each\r\nprocess."}).status_code == 303
    assert browser.post(url, {"text": "Each\r\nprocess."}).status_code == 303
    reaction = Reaction.objects.get()
    assert (reaction.kind, reaction.value) == ("edit", "Each\nprocess.")
    assert client_of(bob).post(url, {"text": "Mine."}).status_code == 404


def test_a_thumb_before_the_judgment_is_refused(alice, client_of):
    two_recorded()
    client = client_of(alice)
    client.post(reverse("arena_ask"), {"text": QUESTION})
    answer = Comparison.objects.get().response_a.public_id
    thumb = client.post(reverse("arena_thumb", args=[answer]), {"value": "up"})
    assert thumb.status_code == 409
    assert not Reaction.objects.exists()
