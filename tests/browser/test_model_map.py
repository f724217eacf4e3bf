"""The model map in a browser: by keyboard, without script, on a phone, and with hostile names."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from feedback.registry.models import LanguageModel, ModelVersion, Topic
from tests.browser.test_accessibility import findings
from tests.feedback.builders import judge, make_comparison, make_contributor, make_version
from tests.feedback.catalogue.test_model_pages import forecast_topics
from tests.feedback.routing.artifacts import promoted

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PLACES = {"Law": [0.0, 0.0], "Tax": [0.02, 0.01], "Code": [0.3, 0.0], "Maths": [0.31, 0.1]}
HOSTILE = ["<b>bold</b>", "نموذج القانون العام", "x" * 180, "模型 " * 20]


@pytest.fixture
def mapped(tmp_path: Path) -> None:
    """Four models, one of them with a speciality, one that training has hardly seen."""
    for name in PLACES:
        make_version(name)
    LanguageModel.objects.get(name="Law").topics.add(Topic.objects.create(slug="law", name="law"))
    promoted(tmp_path, make_contributor("olivia"), PLACES, seen=[500, 500, 500, 3])


def test_by_keyboard_a_mark_names_its_three_nearest(page: "Page", live_server, mapped) -> None:
    page.goto(f"{live_server.url}/models/")
    page.get_by_role("link", name="List", exact=True).first.focus()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "Code")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "Law, law")
    marked = "getComputedStyle(document.activeElement.querySelector('.target')).strokeWidth"
    assert page.evaluate(marked) == "3px"
    page.keyboard.press("Enter")
    page.get_by_text("Nearest to Law").wait_for()
    told = page.locator("#near").inner_text()
    assert re.findall("Tax|Code|Maths", told) == ["Tax", "Code", "Maths"]
    expect(page).to_have_url(re.compile("near=law"))
    expect(page.locator(":focus")).to_have_attribute("aria-label", "Law, law")
    assert page.evaluate("window.scrollY") == 0
    page.locator("#near").get_by_role("link", name="Tax").click()
    page.get_by_role("heading", name="Tax", exact=True).wait_for()


def test_without_script_a_mark_is_a_link(browser: "Browser", live_server, mapped) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/models/")
    page.get_by_role("link", name="Law, law").click()
    page.get_by_text("Nearest to Law").wait_for()
    assert page.url.endswith("near=law#near")
    page.locator(".as-table summary").click()
    expect(page.locator(".as-table tbody tr")).to_have_count(4)
    context.close()


def test_a_phone_shows_the_list_first(page: "Page", live_server, mapped) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/models/")
    expect(page.locator("table.rated")).to_be_visible()
    expect(page.locator("svg.map")).to_be_hidden()
    page.get_by_role("link", name="Map", exact=True).click()
    page.locator("svg.map").wait_for()
    expect(page.locator("table.rated")).to_have_count(0)
    expect(page.locator("svg.map text").first).to_be_hidden()  # tap for the name
    page.get_by_role("link", name="Maths").click()
    page.get_by_text("Nearest to Maths").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_desk_shows_the_map_first_and_filters_it_in_place(
    page: "Page", live_server, mapped
) -> None:
    page.goto(f"{live_server.url}/models/")
    expect(page.locator("svg.map")).to_be_visible()
    expect(page.locator("table.rated")).to_be_hidden()
    page.get_by_label("Speciality").select_option("law")
    page.get_by_text("One model.").wait_for()
    expect(page.locator("svg.map a")).to_have_count(1)
    expect(page).to_have_url(re.compile("topic=law"))
    page.get_by_role("link", name="List", exact=True).click()
    page.locator("table.rated").wait_for()
    expect(page.locator("table.rated tbody tr")).to_have_count(1)


def test_the_map_has_equal_scales_at_every_width(page: "Page", live_server, mapped) -> None:
    page.goto(f"{live_server.url}/models/?view=map")
    for width in (1280, 700, 390):
        page.set_viewport_size({"width": width, "height": 900})
        box = {
            name: page.locator(f"svg.map a[aria-label^='{name}'] .target").bounding_box()
            for name in ("Law", "Code", "Maths")
        }
        across = box["Code"]["x"] - box["Law"]["x"]
        apart = (box["Maths"]["x"] - box["Code"]["x"]) ** 2
        apart += (box["Maths"]["y"] - box["Code"]["y"]) ** 2
        assert apart**0.5 / across == pytest.approx((0.01**2 + 0.1**2) ** 0.5 / 0.3, rel=0.08), (
            width
        )


def test_names_are_shown_whole_and_do_nothing(page: "Page", live_server, tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        model = LanguageModel.objects.create(slug=f"m{number}", name=name.strip())
        ModelVersion.objects.create(model=model, version="1", label=name.strip())
    places = {name.strip(): [float(n), float(n % 2)] for n, name in enumerate(HOSTILE)}
    promoted(tmp_path, make_contributor("olivia"), places)
    found = []
    for path in ("/models/?view=map&near=m2", "/models/?view=list", "/models/m2/", "/models/m1/"):
        page.goto(f"{live_server.url}{path}")
        found += findings(page, path, [(1280, "light"), (390, "dark"), (320, "light")])
        expect(page.locator("main b")).to_have_count(0)
    page.goto(f"{live_server.url}/models/?view=list")
    expect(page.get_by_text("x" * 180)).to_be_visible()
    assert found == []


def test_the_map_in_all_its_states(page: "Page", live_server, mapped) -> None:
    make_version("Newcomer")
    found = []
    for path in ("?view=map", "?view=map&near=law", "?view=list", "?named=zzz", "?topic=law"):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(f"{live_server.url}/models/{path}")
        if page.locator(".as-table summary").count():
            page.locator(".as-table summary").click()
        found += findings(page, path)
    for slug in ("law", "newcomer"):
        page.goto(f"{live_server.url}/models/{slug}/")
        found += findings(page, slug)
    assert found == []


def test_a_model_page_with_ratings_and_forecasts(page: "Page", live_server, tmp_path: Path) -> None:
    own, other = make_version("Own"), make_version("Other")
    for number in range(40):
        judge(make_comparison(None, own, other), make_contributor(), "a" if number % 4 else "b")
    forecast_topics(tmp_path, {"Own": [2.0, 0.0], "Other": [-2.0, 0.0]}, {"law": 5, "x" * 60: 7})
    page.goto(f"{live_server.url}/models/own/")
    page.get_by_role("heading", name="What the router expects").wait_for()
    assert findings(page, "own") == []
