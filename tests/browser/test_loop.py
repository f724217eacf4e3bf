"""The whole loop in one real site: judgments, the pool, retraining, routing, and the export.

Everything runs as a user runs it: `manage.py up` with its own database, broker, workers and
inference server, and two visitors in a real browser, one who judges and one who operates.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.conftest import ROOT, SHARED_DATA, make_data_dir
from tests.processes.test_supervisor import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.processes]

REAL_DATA = (  # file, profile, format, rows
    ("llmfao_pairs", "llmfao_pairs", "preferences", 2139),
    ("llmfao_votes", "llmfao_votes", "preferences", 8931),
    ("llmfao_responses", "llmfao_responses", "responses", 1133),
    ("mmlu_pro_responses_sample", "mmlu_pro_sample_outcomes", "outcomes", 27_545),
)
GRACE_MS = 1000  # keys are ignored for 400 ms after a new task, which comes when it may
TRAINING_MS = 180_000
JUDGED = 10


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site that publishes at once, with the starter pool and, where they are, the real files.

    Routing waits longer for a prompt's vector than people should: what is tested is who decides,
    and the machine may do other work.
    """
    folder = make_data_dir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBLICATION_DELAY", "0")
        patch.setenv("ROUTING_DEADLINE", "5")
        site = Site(folder)
        try:
            site.wait_until_ready()
            yield site
        finally:
            site.process.terminate()
            site.process.wait(timeout=60)
            shutil.rmtree(folder)


def command(site: Site, *words: str) -> dict[str, Any]:
    """A management command in another terminal, and the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env=site.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def visitor(browser: "Browser", site: Site, complaints: list[str]) -> "Page":
    """A visitor with cookies of their own; what their console says is kept."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, base_url=f"http://127.0.0.1:{site.port}"
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page


def judge_ten(page: "Page") -> None:
    """Ten comparisons by keyboard, each acknowledged."""
    page.goto("/annotate/loop/")
    page.get_by_role("button", name="Agree and start").click()
    page.locator("#task[data-token]").wait_for()
    page.wait_for_load_state("networkidle")  # the script that listens to keys is there
    for key in "1201290121":
        page.wait_for_timeout(GRACE_MS)
        token = page.locator("#task").get_attribute("data-token")
        page.keyboard.press(key)
        page.locator(f"#task:not([data-token='{token}'])").wait_for()
    page.get_by_role("status").get_by_text("Saved: Answer 1 better.").wait_for()


def retrain(page: "Page", site: Site) -> None:
    """Become the operator, schedule the embedding, run the schedule, watch it to its promotion."""
    link = re.search(r"http\S+/people/invitation/\S+", site.output())
    assert link, site.output()
    page.goto(link.group())
    page.get_by_role("button", name="Become the operator").click()
    page.goto("/schedules/")
    page.get_by_label("Train").select_option("embedding")
    page.get_by_role("button", name="Add a schedule").click()
    page.get_by_label("Every … hours").fill("1")
    page.get_by_role("button", name="Add").click()
    schedule = page.get_by_role("row").filter(has_text="embedding").filter(has_text="hour")
    schedule.get_by_role("button", name="Run now").click()
    page.goto("/runs/")
    page.get_by_role("row").filter(has_text="embedding").get_by_role("link").click()
    page.get_by_text("Succeeded").wait_for(timeout=TRAINING_MS)
    page.get_by_text("This first version is better than the baseline").wait_for()
    page.get_by_text(re.compile(r"went from [\d.]+ to [\d.]+")).first.wait_for()  # what it reported


def meet_the_new_router(page: "Page") -> None:
    """The arena's next pair comes from the promoted embedding, and says so after the judgment."""
    page.goto("/")
    page.locator("button[name=recorded]").first.click()
    page.get_by_role("button", name="Answer 1 is better").and_(
        page.locator(":not([aria-disabled=true])")
    ).wait_for()
    page.wait_for_timeout(GRACE_MS)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("^Saved. Answer 1 was .*, Answer 2 was ")).wait_for()
    page.get_by_text("Why these two").click()
    page.get_by_text("embedding v1").wait_for()


def exported(site: Site, **query: str) -> list[dict[str, Any]]:
    """The live export over HTTP."""
    answer = httpx.get(f"http://127.0.0.1:{site.port}/api/v1/preferences/export/", params=query)
    answer.raise_for_status()
    return [json.loads(line) for line in answer.text.splitlines()]


def withdraw_the_newest(page: "Page") -> None:
    """One's own judgment, from My contributions."""
    page.goto("/contributions/")
    newest = page.get_by_role("listitem").filter(has_text="loop").first
    newest.get_by_role("link", name="Withdraw").click()
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_text("Withdrawn. It is out of the live data.").wait_for()


def import_all(site: Site, folder: Path) -> str:
    """The real files; the source of the comparisons to judge."""
    if not folder.is_dir():
        return "starter"
    for name, profile, file_format, rows in REAL_DATA:
        file = str(folder / f"{name}.parquet")
        words = ("import_data", file, "--format", file_format, "--profile", profile)
        assert command(site, *words)["read"] == rows
    return "LLMFAO"


def test_the_whole_loop(site: Site, browser: "Browser") -> None:
    complaints: list[str] = []
    source = import_all(site, SHARED_DATA)
    made = command(site, "campaign_create", "--slug", "loop", "--overlap", "1", "--source", source)
    assert made["tasks"] >= JUDGED

    person = visitor(browser, site, complaints)
    judge_ten(person)
    retrain(visitor(browser, site, complaints), site)
    meet_the_new_router(person)

    rows = exported(site, campaign="loop")
    assert len(rows) == JUDGED
    assert len({row["rater_id"] for row in rows}) == 1
    withdraw_the_newest(person)
    left = exported(site, campaign="loop")
    assert len(left) == JUDGED - 1
    assert {row["id"] for row in left} < {row["id"] for row in rows}
    assert complaints == []
