"""A person chooses German and judges, and a page reads as well from right to left."""

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from feedback.people.models import Contributor
from feedback.pool.models import Preference
from tests.feedback.annotation.campaigns import make_campaign

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GRACE_MS = 500  # keys are ignored for 400 ms after a new task


def overhang(page: "Page") -> int:
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def test_german_is_chosen_in_settings_and_a_task_is_judged_in_it(page, live_server):
    make_campaign(tasks=3)
    page.goto(f"{live_server.url}/settings/")
    page.get_by_role("radio", name="Deutsch").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Einstellungen").wait_for()
    page.goto(f"{live_server.url}/annotate/")
    page.get_by_role("button", name="Zustimmen und anfangen").click()
    page.get_by_role("button", name="Tasten").wait_for()
    page.wait_for_timeout(GRACE_MS)
    page.keyboard.press("1")
    page.get_by_role("status").get_by_text("Gespeichert: Antwort 1 besser.").wait_for()
    page.wait_for_timeout(GRACE_MS)
    page.get_by_role("button", name="Beide schlecht").click()
    page.get_by_role("status").get_by_text("Gespeichert: beide schlecht.").wait_for()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert Preference.objects.count() == 2
    assert Contributor.objects.get().locale == "de"


@pytest.mark.parametrize("width", [1280, 390])
def test_a_task_from_right_to_left_keeps_its_place_on_the_screen(
    page, live_server, settings, width
):
    settings.LANGUAGES = [("en", "English"), ("he", "Hebrew")]
    make_campaign(tasks=1)
    page.set_viewport_size({"width": width, "height": 800})
    page.context.set_extra_http_headers({"Accept-Language": "he"})
    page.goto(f"{live_server.url}/annotate/")
    page.get_by_role("button", name="Agree and start").click()
    page.get_by_role("button", name="Keys").wait_for()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert overhang(page) == 0
    if width == 1280:  # the answer that is read first stands where reading begins
        first = page.locator("#answer-1").bounding_box() or {}
        second = page.locator("#answer-2").bounding_box() or {}
        assert first["x"] > second["x"]
