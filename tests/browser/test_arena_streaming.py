"""Answers that grow, stop, fail and attack, in a real browser before a real server process."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from feedback.pool.models import Comparison, Preference, Reaction, Response
from tests.feedback.arena.builders import live
from tests.feedback.arena.model_server import WORDS, ModelServer
from tests.web_server import WebServer

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
]
TEXT = "".join(WORDS)
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    window.shifts.push([entry.value, entry.hadRecentInput]);
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def models() -> Iterator[ModelServer]:
    """A server of models."""
    server = ModelServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def reports(page: "Page") -> list[str]:
    """What the browser complains about: blocked styles and scripts above all."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text))
    return found


def ask(page: "Page", web_server: WebServer, text: str = "How do vector clocks work?") -> None:
    page.goto(web_server.url)
    page.get_by_role("button", name="Agree and start").click()
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    page.locator("#answers").wait_for()


def place_of(name: str) -> int:
    return 1 + (Comparison.objects.latest("created_at").version_b.remote_name == name)


def bar(page: "Page", words: str) -> "Locator":
    said = page.locator("#said").get_by_text(words)
    said.wait_for(timeout=60_000)
    return said


def test_answers_grow_without_moving_what_is_read(page, web_server, models, reports):
    live("story", models.url)
    live("plain", models.url)
    page.add_init_script(SHIFTS)
    ask(page, web_server)
    place = place_of("story")
    prose = page.locator(f"#answer-{place} .prose")
    prose.locator("li").first.wait_for()
    assert "Lamport" not in prose.inner_text()  # it is still growing
    first = prose.locator("p").first.element_handle()
    prose.locator("pre").wait_for()
    assert first.evaluate("node => node.isConnected")  # a closed block is never drawn anew
    expect(page.locator(f"#answer-{place}")).to_have_attribute("aria-busy", "true")
    expect(page.locator(f"#answer-{place} [aria-live]")).to_have_count(0)
    models.go_on.set()
    bar(page, "Both answers have finished.")
    expect(page.locator(f"#answer-{place}")).not_to_have_attribute("aria-busy", "true")
    expect(prose).to_contain_text("Lamport")
    moved = page.evaluate("window.shifts")
    assert sum(value for value, asked in moved if not asked) < 0.1
    page.get_by_role("button", name=f"Answer {place} is better").click()
    bar(page, "Saved.")
    assert Preference.objects.count() == 1
    assert reports == []


def test_who_waits_for_a_free_place_is_told_so_until_the_answer_comes(
    page, web_server, models, reports
):
    live("queue", models.url)
    live("quick", models.url)
    ask(page, web_server)
    queue = place_of("queue")
    state = page.locator(f"#answer-{queue} .state")
    expect(state).to_have_text("Waiting for a free place…", timeout=60_000)
    expect(page.locator("#said")).to_have_text(f"Answer {queue} is waiting for a free place.")
    expect(page.locator(".problem")).to_have_count(0)
    models.go_on.set()
    bar(page, "Both answers have finished.")
    expect(page.locator(f"#answer-{queue} .prose")).to_have_text(TEXT)
    expect(state).to_have_text("Finished")
    assert reports == []


def test_an_answer_that_breaks_off_is_begun_once_more_before_the_readers_eyes(
    page, web_server, models, reports
):
    live("falls", models.url)
    live("quick", models.url)
    ask(page, web_server)
    falls = place_of("falls")
    state = page.locator(f"#answer-{falls} .state")
    expect(state).to_have_text("Begun once more…", timeout=60_000)
    expect(page.locator(f"#answer-{falls} .prose")).to_have_text("Vector clocks count")
    bar(page, "Both answers have finished.")
    expect(page.locator(f"#answer-{falls} .prose")).to_have_text(TEXT)
    assert reports == []


def test_a_loop_goes_and_the_page_says_what_happened(page, web_server, models, reports):
    live("loop", models.url)
    live("quick", models.url)
    ask(page, web_server)
    loop = place_of("loop")
    bar(page, f"Answer {loop} broke off. Your message is safe.")
    expect(page.locator(f"#answer-{loop}")).to_contain_text("repeated itself without end")
    expect(page.locator(f"#answer-{3 - loop} .prose")).to_have_text(TEXT)
    models.acts_as["loop"] = "plain"
    page.get_by_role("button", name="Try again").click()
    bar(page, "Both answers have finished.")
    expect(page.locator(f"#answer-{loop} .prose")).to_have_text(TEXT)
    page.get_by_role("button", name="Answer 1 is better").click()
    bar(page, "Saved.")
    expect(page.locator("#task")).to_contain_text("does not count in rankings")
    assert reports == []


def test_a_message_that_is_too_long_comes_back_to_be_shortened(page, web_server, models, reports):
    live("short", models.url)
    live("quick", models.url)
    ask(page, web_server, "Why? " * 800)
    bar(page, "did not arrive")
    expect(page.locator("#answers")).to_contain_text("the model reads at most 2\u202f047")
    page.get_by_role("link", name="Shorten your message").click()
    expect(page.get_by_label("Your message")).to_have_value("Why? " * 799 + "Why?")
    assert reports == []


def test_one_can_be_stopped_and_judged_as_it_is(page, web_server, models, reports):
    live("quick", models.url)
    live("slow", models.url)
    ask(page, web_server)
    page.get_by_role("button", name="Stop and judge now").wait_for(timeout=60_000)
    slow = place_of("slow")
    said = page.locator("#said")
    expect(said).to_have_text(f"Answer {slow} is still writing.")
    page.get_by_role("button", name="Answer 1 is better").click(force=True)
    expect(said).to_have_text("You can judge when both have finished.")
    page.get_by_role("button", name="Stop and judge now").click()
    bar(page, "Both answers have finished.")
    expect(page.locator(f"#answer-{slow} .state")).to_have_text("Stopped")
    page.get_by_role("button", name=f"Answer {3 - slow} is better").click()
    bar(page, "Saved.")
    assert Response.objects.get(version__remote_name="slow").state == "stopped"
    assert reports == []


def test_a_reload_and_a_restart_of_the_site_lose_nothing(page, web_server, models):
    live("quick", models.url)
    live("slow", models.url)
    ask(page, web_server)
    slow = place_of("slow")
    growing = page.locator(f"#answer-{slow} .prose").get_by_text("Vector")
    growing.wait_for(timeout=60_000)
    page.reload()
    growing.wait_for(timeout=60_000)
    web_server.kill()
    Response.objects.update(writing_until=None)  # its claim ends by itself, 45 seconds later
    models.go_on.set()
    web_server.start()
    bar(page, "Both answers have finished.")  # the open page has connected again by itself
    expect(page.locator(f"#answer-{slow} .prose")).to_have_text(TEXT.strip())
    assert len([body for body, _ in models.asked if body["model"] == "quick"]) == 1


def test_one_that_fails_is_replaced_and_one_goes_on_before_judging(
    page, web_server, models, reports
):
    live("quick", models.url)
    live("broken", models.url)
    ask(page, web_server)
    place = place_of("broken")
    bar(page, f"Answer {place} did not arrive. Your message is safe.")
    expect(page.locator(f"#answer-{3 - place}").get_by_text(TEXT.strip())).to_be_visible()
    expect(page.get_by_text("The model’s server reported an error.")).to_be_visible()
    live("echo", models.url)
    page.reload()
    page.get_by_role("button", name="Ask another model").click()
    bar(page, "Both answers have finished.")
    page.get_by_label("Ask both a follow-up").fill("And Lamport?")
    page.get_by_role("button", name="Send", exact=True).dblclick()
    page.get_by_text("You asked: And Lamport?").wait_for(timeout=60_000)
    page.get_by_text("Earlier in this conversation").click()
    expect(page.get_by_text("You asked: How do vector clocks work?")).to_be_visible()
    assert Comparison.objects.count() == 2
    assert not any(name in page.content() for name in ("Quick Model", "Echo Model"))
    assert [text for text in reports if "Content Security" in text] == []


def test_when_all_fail_the_message_waits_for_later(page, web_server, models):
    live("broken", models.url)
    live("busy", models.url)
    ask(page, web_server)
    bar(page, "No model can answer now. We kept your message.")
    expect(page.get_by_text("How do vector clocks work?")).to_be_visible()
    models.acts_as |= {"broken": "quick", "busy": "plain"}
    page.get_by_role("button", name="Try again").click()
    bar(page, "Both answers have finished.")


def test_what_a_model_writes_is_never_run(page, web_server, models, reports):
    live("hostile", models.url)
    live("mixed", models.url)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    ask(page, web_server)
    bar(page, "Both answers have finished.")
    place = place_of("hostile")
    article = page.locator(f"#answer-{place}")
    expect(article).to_contain_text("<script>")  # shown as what it is: text
    article.get_by_text("click me").click()
    page.wait_for_timeout(500)
    assert page.evaluate("window.hacked") is None
    expect(article.locator("script, img, .prose button, [onerror], .prose [hx-get]")).to_have_count(
        0
    )
    assert not any("spy" in url or "sign-out" in url for url in requested)
    expect(page.locator(f"#answer-{3 - place} .prose")).to_have_attribute("dir", "auto")
    assert [text for text in reports if "Content Security" in text] == []


def test_a_very_long_answer_does_not_hurt_the_page(page, web_server, models, reports):
    live("huge", models.url)
    live("quick", models.url)
    page.set_viewport_size({"width": 390, "height": 844})
    ask(page, web_server)
    bar(page, "Both answers have finished.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".decide").bounding_box()
    assert box["y"] + box["height"] <= 845  # the bar stays in sight
    assert box["height"] <= 0.2 * 844
    page.locator("label:has(#see-2)").click()
    page.get_by_role("button", name=f"Answer {place_of('huge')} is better").click()
    bar(page, "Saved.")
    assert reports == []


def test_one_model_by_name_with_thumbs_edit_and_another_answer(page, web_server, models, reports):
    live("story", models.url)
    live("echo", models.url)
    models.go_on.set()
    page.goto(web_server.url)
    page.get_by_role("button", name="Agree and start").click()
    page.get_by_text("Ask one").click()
    expect(page.get_by_text("The model that fits your message best answers")).to_be_visible()
    page.get_by_label("Your message").fill("How do vector clocks work?")
    page.get_by_role("button", name="Send", exact=True).click()
    bar(page, "The answer has finished.")
    first = Response.objects.get()
    expect(page.get_by_role("link", name=first.version.label)).to_be_visible()
    page.get_by_role("button", name="Good").click()
    page.locator("[aria-pressed=true]").get_by_text("Good").wait_for()
    page.get_by_text("Edit", exact=True).click()
    page.get_by_label("The answer as it should have been").fill("Count *each* process.")
    page.get_by_role("button", name="Save the edit").click()
    page.get_by_text("Saved. Your text is kept beside the answer.").wait_for()
    page.get_by_role("button", name="Another answer").click()
    page.get_by_text("Answers before this one").wait_for()
    bar(page, "The answer has finished.")
    assert Response.objects.count() == 2
    kinds = Reaction.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["thumb", "edit", "regenerate"]
    page.get_by_label("Ask a follow-up").fill("And then?")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("And then?").first.wait_for()
    bar(page, "The answer has finished.")
    expect(page.locator("article.solo")).to_have_count(2)
    assert reports == []
