"""The operators' page of the router: shares, reasons, the log, and thresholds."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from feedback.people.models import AuditEvent, Contributor
from feedback.registry.models import ModelVersion
from feedback.routing.explaining.decision_log import NEWEST, PAGE_SIZE, log_page, summary
from feedback.routing.models import ModelRoute, Threshold
from feedback.routing.services import models_route
from tests.feedback.builders import make_version
from tests.markup import tight

pytestmark = pytest.mark.django_db
ASKED = [{"role": "user", "content": "Which one?"}]

Browser = Callable[[Contributor], Client]


@pytest.fixture
def models() -> list[ModelVersion]:
    return [make_version(name) for name in ("Ada", "Ben", "Cleo")]


def log(models: list[ModelVersion], count: int, **fields: Any) -> None:
    """So many decisions for Ada, all three considered."""
    considered = [
        {"version": str(v.id), "label": v.label, "score": 0.5, "propensity": 1 / 3} for v in models
    ]
    for number in range(count):
        ModelRoute.objects.create(
            considered=considered,
            chosen=[models[0].id],
            pair_propensity=1 / 3,
            **{"policy": "best", "router_version": "ratings", "latency_ms": number + 1.0, **fields},
        )


def test_the_summary_counts_the_newest_decisions(models: list[ModelVersion]) -> None:
    log(models, 30)
    log(models, 10, fallback="encoder_late", policy="explore", latency_ms=500.0)
    found = summary()
    assert (found.decisions, found.fallbacks) == (40, 10)
    assert found.reasons == [("", 30), ("encoder_late", 10)]
    assert found.latencies_ms[0] == pytest.approx(20.5)
    assert found.latencies_ms[2] == pytest.approx(500.0)
    assert [(s.label, s.shown) for s in found.shares] == [("Ada", 40), ("Ben", 0), ("Cleo", 0)]
    assert [s.even for s in found.shares] == pytest.approx([40 / 3] * 3)
    assert found.shares[0].ratio == pytest.approx(3)
    assert NEWEST == 1000


def test_the_log_is_paged_and_filtered(models: list[ModelVersion]) -> None:
    log(models, PAGE_SIZE + 3)
    log(models, 2, fallback="encoder_down", policy="explore")
    first = log_page()
    assert len(first.rows) == PAGE_SIZE
    second = log_page(before=first.before)
    assert (len(second.rows), second.before) == (5, "")
    assert not {row.pk for row in first.rows} & {row.pk for row in second.rows}
    assert len(log_page(policy="explore").rows) == 2
    assert len(log_page(fallback="encoder_down").rows) == 2
    assert len(log_page(policy="best", fallback="used", before=first.before).rows) == 5
    assert log_page(before="nosuch").rows == []


def test_the_page_shows_all_of_it_to_operators_alone(
    models: list[ModelVersion], olivia: Contributor, alice: Contributor, client_of: Browser
) -> None:
    empty = client_of(olivia).get("/operate/router/").content.decode()
    assert "Nothing has been decided yet." in empty
    models_route(messages=ASKED, candidates=models, k=1)
    page = tight(client_of(olivia).get("/operate/router/").content.decode())
    assert "In 1 of the newest 1 decisions the prompt was not used." in page
    assert "No embedding is in use: ratings alone decide." in page
    assert re.search(r'href="/routes/\w+/">(Ada|Ben|Cleo)</a>', page)
    for query in ("policy=%00", "fallback=<b>", "before=%00x", "policy=nosuch"):
        assert client_of(olivia).get(f"/operate/router/?{query}").status_code == 200
    assert client_of(alice).get("/operate/router/").status_code == 403
    assert Client().get("/operate/router/").status_code == 403
    assert "/operate/router/" in client_of(olivia).get("/operate/").content.decode()


def test_an_operator_makes_calibrates_and_removes_a_threshold(
    models: list[ModelVersion], olivia: Contributor, alice: Contributor, client_of: Browser
) -> None:
    browser = client_of(olivia)
    form = {"name": "economy", "strong": "Ada", "weak": "Ben", "share": "40"}
    for change, words in (
        ({"share": "many"}, "Enter a whole number of per cent."),
        ({"share": "3"}, "Enter 5 to 95 per cent."),
        ({"weak": "Ada"}, "Choose a model other than the strong one."),
        ({"weak": "Nobody\x00"}, "There is no such model."),
        ({"name": "best"}, "not the name of a policy."),
    ):
        refused = browser.post("/operate/router/thresholds/", form | change)
        assert refused.status_code == 400
        assert words in refused.content.decode()
    assert client_of(alice).post("/operate/router/thresholds/", form).status_code == 403
    assert browser.post("/operate/router/thresholds/", form).status_code == 302
    made = Threshold.objects.get()
    assert (made.strong, made.weak, made.share) == (models[0], models[1], 0.4)
    page = tight(browser.get("/operate/router/").content.decode())
    assert "router-economy" in page
    assert "not calibrated yet" in page
    assert "<option selected>economy</option>" not in page
    action = "/operate/router/thresholds/economy/"
    refused = browser.post(action, {"do": "calibrate"})
    assert refused.status_code == 409
    assert "No embedding is live" in refused.content.decode()
    assert client_of(alice).post(action, {"do": "remove"}).status_code == 403
    assert browser.post(action, {"do": "remove"}).status_code == 302
    assert browser.post(action, {"do": "remove"}).status_code == 404
    assert not Threshold.objects.exists()
    actions = AuditEvent.objects.filter(actor=olivia).values_list("action", flat=True)
    assert {"threshold.create", "threshold.remove"} <= set(actions)
