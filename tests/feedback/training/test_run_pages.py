"""The pages of runs: what is going on, what came of it, and who may see it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from feedback.people.models import Contributor
from feedback.training.charts.curves import run_charts
from feedback.training.charts.distributions import histogram
from feedback.training.execution.leases import Claim, run_claim, run_fail, run_heartbeat
from feedback.training.models import Kind, RunEvent, RunState, TrainingRun
from feedback.training.run_settings import settings_offered
from feedback.training.services import run_request

pytestmark = pytest.mark.django_db


@pytest.fixture
def running() -> tuple[TrainingRun, Claim]:
    """A run at 62 %, five minutes old."""
    run = run_request(kind="reward")
    claim = run_claim(worker="w")
    assert claim is not None
    run_heartbeat(claim=claim, values={"phase": "train", "progress": 0.62})
    TrainingRun.objects.filter(pk=run.pk).update(started_at=Now() - timedelta(minutes=5))
    return run, claim


def test_the_list_shows_progress_and_polls_until_all_is_over(
    olivia: Contributor, client_of: Callable[[Contributor], Client], running
) -> None:
    browser = client_of(olivia)
    page = browser.get("/runs/").content.decode()
    assert "Running 62 %" in page
    assert "3 min left" in page
    assert 'hx-trigger="every 3s"' in page
    run_fail(claim=running[1], error="no luck")
    page = browser.get("/runs/", headers={"HX-Request": "true"}).content.decode()
    assert "no luck" in page
    assert "hx-trigger" not in page
    assert "<html" not in page


def test_a_silent_worker_is_named(
    olivia: Contributor, client_of: Callable[[Contributor], Client], running
) -> None:
    TrainingRun.objects.filter(pk=running[0].pk).update(lease_until=Now() - timedelta(minutes=3))
    page = client_of(olivia).get(f"/runs/{running[0].number}/").content.decode()
    assert "No sign of life for 3 min. It will be resumed." in page


def test_a_run_has_curves_with_a_table_of_the_last_attempt(
    olivia: Contributor, client_of: Callable[[Contributor], Client], running
) -> None:
    run, claim = running
    for step, loss in ((1, 0.9), (2, 0.6), (3, 0.5)):
        RunEvent.objects.create(
            run=run, attempt=claim.attempt, step=step, phase="train", metrics={"loss": loss}
        )
    RunEvent.objects.create(run=run, attempt=9, step=1, phase="train", metrics={"other": 1.0})
    page = client_of(olivia).get(f"/runs/{run.number}/").content.decode()
    assert "Loss went from 0.9 to 0.5." in page
    assert page.count('<td class="num">0.6000</td>') == 1
    assert "train: other" not in page
    assert "style=" not in page


def test_a_failed_run_says_why_and_can_be_run_again_with_the_same_settings(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    run = run_request(kind="reward", config={"optim.num_train_epochs": 3}, seed=5)
    claim = run_claim(worker="w")
    assert claim is not None
    run_heartbeat(claim=claim, values={"log": "line one\nline <two>"})
    run_fail(claim=claim, error="line <two>")
    browser = client_of(olivia)
    page = browser.get(f"/runs/{run.number}/").content.decode()
    assert "line &lt;two&gt;" in page
    browser.post(f"/runs/{run.number}/again/")
    again = TrainingRun.objects.get(state=RunState.QUEUED)
    assert (again.kind, again.config, again.seed) == ("reward", run.config, 5)


def test_the_page_offers_every_setting_with_its_meaning_bounds_and_default(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    page = client_of(olivia).get("/runs/new/", {"kind": "reward"}).content.decode()
    for setting in settings_offered(Kind.REWARD):
        assert f'name="{setting.name}"' in page
        assert setting.meaning
    assert 'name="seed"' in page
    assert "0.003 (frozen), 0.0002 (lora), 2e-05 (full)." in page
    assert "Default: frozen." in page
    assert "above 0, below 0.693147" in page
    assert "<summary><code>optim</code></summary>" in page
    assert "style=" not in page


def test_only_the_settings_that_were_filled_in_are_stored(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    given = {"optim.num_train_epochs": "3", "train_baseline": "false", "dropout": "", "seed": "7"}
    answer = client_of(olivia).post("/runs/new/", {"kind": "reward"} | given)
    run = TrainingRun.objects.get()
    assert answer.headers["Location"] == f"/runs/{run.number}/"
    assert run.config == {"optim.num_train_epochs": 3, "train_baseline": False}
    assert run.seed == 7


def test_a_setting_that_is_refused_says_so_beside_its_field_and_keeps_what_was_typed(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    given = {"kind": "reward", "optim.learning_rate": "-1", "head.dimension": "5", "seed": "x"}
    answer = client_of(olivia).post("/runs/new/", given)
    assert answer.status_code == 400
    assert "Enter a whole number" in answer.content.decode()
    answer = client_of(olivia).post("/runs/new/", given | {"seed": "-4"})
    assert "A seed from 0" not in answer.content.decode()  # settings are checked before it
    page = answer.content.decode()
    assert "&#x27;-1&#x27; is not above 0" in page
    assert "&#x27;5&#x27; is not at least 2, a multiple of 2" in page
    assert 'value="-1"' in page
    assert page.count("<details open>") == 2
    assert not TrainingRun.objects.exists()


def test_starting_and_cancelling_from_the_page(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    browser = client_of(olivia)
    answer = browser.post("/runs/new/", {"kind": "ranking"})
    run = TrainingRun.objects.get()
    assert answer.headers["Location"] == f"/runs/{run.number}/"
    browser.post(f"/runs/{run.number}/cancel/")
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    again = browser.post(f"/runs/{run.number}/cancel/")
    assert again.status_code == 409
    assert "This run has ended" in again.content.decode()


def test_what_is_not_there_is_a_404_and_a_wrong_method_a_405(
    olivia: Contributor, client_of: Callable[[Contributor], Client]
) -> None:
    browser = client_of(olivia)
    assert browser.get("/runs/999/").status_code == 404
    assert browser.get(f"/runs/{run_request(kind='ranking').number}/cancel/").status_code == 405
    assert browser.post("/runs/new/", {"kind": "telepathy"}).status_code == 400


def test_only_operators_see_runs(
    alice: Contributor, stranger: Client, client_of: Callable[[Contributor], Client]
) -> None:
    run = run_request(kind="ranking")
    for browser in (client_of(alice), stranger):
        for url in ("/runs/", f"/runs/{run.number}/", f"/runs/{run.number}/promote/"):
            assert browser.get(url).status_code == 403
        assert browser.post(f"/runs/{run.number}/cancel/").status_code == 403


def test_a_chart_lies_inside_its_drawing_and_thins_long_curves() -> None:
    (chart,) = run_charts(("train", step, {"train_loss": 1 / step}) for step in range(1, 1001))
    points = chart.lines[0].points
    assert len(points) <= 122
    assert (points[0].step, points[-1].step) == (1, 1000)
    places = [float(text.rstrip("%")) for point in points for text in (point.x, point.y)]
    assert min(places) >= 0
    assert max(places) <= 100
    assert run_charts([("train", 1, {"loss": 1.0})]) == []
    assert run_charts([("train", step, {"loss": float("nan")}) for step in (1, 2)]) == []


def test_phases_that_report_the_same_name_have_a_chart_each() -> None:
    events = [(phase, step, {"loss": 1.0 / step}) for phase in ("base", "train") for step in (1, 2)]
    assert [chart.name for chart in run_charts(events)] == ["base: loss", "train: loss"]


def test_a_reward_run_shows_its_temperatures_and_its_calibration(
    olivia: Contributor, client_of: Callable[[Contributor], Client], running
) -> None:
    run, claim = running
    for step, counts in ((1, [90, 10, 0]), (2, [20, 50, 30])):
        tau = {"edges": [0.1, 1.4, 2.7, 4.0], "counts": counts}
        RunEvent.objects.create(
            run=run, attempt=claim.attempt, step=step, phase="train", metrics={"tau": tau}
        )
    bins = [
        {"confidence": 0.55, "accuracy": 0.6, "low": 0.4, "high": 0.8, "n": 25},
        {"confidence": 0.65, "accuracy": 0.0, "low": 0.0, "high": 0.0, "n": 0},
        {"confidence": 1.0, "accuracy": 1.0, "low": 0.9, "high": 1.0, "n": 30},
    ]
    TrainingRun.objects.filter(pk=run.pk).update(metrics={"calibration": bins})
    page = client_of(olivia).get(f"/runs/{run.number}/").content.decode()
    assert "tau of 100 pairs" in page
    assert "most lie from 1.40 to 2.70" in page
    assert '<circle cx="10.00%" cy="40.00%"' in page
    assert '<circle cx="100.00%" cy="0.00%"' in page
    assert page.count('class="validation"') == 2  # an empty bin has no mark


@pytest.mark.parametrize(
    ("edges", "counts"), [([0, 1], []), ([0, 1, 2], [0, 0]), ([0.0], [1])], ids=str
)
def test_a_histogram_of_nothing_is_not_drawn(edges: list[float], counts: list[int]) -> None:
    assert histogram(edges, counts) is None


def test_bars_reach_as_high_as_they_count() -> None:
    drawn = histogram([0, 1, 2], [1, 4])
    assert drawn is not None
    assert [bar.height for bar in drawn.bars] == ["22.00%", "88.00%"]
    assert (drawn.total, drawn.fullest.low) == (5, 1)
