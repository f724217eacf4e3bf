"""A version's accuracy on benchmarks: on its page and over REST, from the live embedding."""

import re
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from feedback.catalogue.benchmarks import benchmark_lines
from feedback.registry.models import Topic, VersionState
from feedback.registry.services import state_set
from feedback.training.models import Checkpoint
from tests.feedback.builders import make_contributor, make_version
from tests.feedback.routing.artifacts import promoted
from tests.markup import tight
from trainers.forecast.reports import FILE, Accuracy, BenchmarkReport, write_reports

pytestmark = pytest.mark.django_db

REPORTS = (
    BenchmarkReport(
        source="MMLU-Pro",
        topic="",
        questions=12_032,
        models={
            "Known": Accuracy(how="measured", n=12_000, accuracy=0.41, low=0.4, high=0.42),
            "Tried": Accuracy(how="estimated", n=20, accuracy=0.5, low=0.44, high=0.57),
            "New": Accuracy(how="forecast", n=0, accuracy=0.3, low=0.2, high=0.41),
        },
    ),
    BenchmarkReport(
        source="MMLU-Pro",
        topic="computer-science",
        questions=410,
        models={"Known": Accuracy(how="measured", n=1, accuracy=1.0, low=0.2, high=1.0)},
    ),
)


@pytest.fixture
def live(tmp_path: Path) -> Checkpoint:
    """An embedding in use whose training told of two benchmarks."""
    checkpoint = promoted(tmp_path, make_contributor("olivia"), {"Known": [1.0], "New": [0.0]})
    write_reports(Path(checkpoint.path), REPORTS)
    Topic.objects.create(slug="computer-science", name="Computer science")
    return checkpoint


def told(client: Client, slug: str) -> str:
    """The section of the page."""
    page = tight(client.get(f"/models/{slug}/").content.decode())
    return page[page.index("On benchmarks") :].split("</section>")[0]


def test_each_row_says_how_it_is_known(client: Client, live: Checkpoint) -> None:
    for name in ("Known", "Tried", "New"):
        make_version(name)
    known = told(client, "known")
    assert "measured on 12 000 questions" in known
    assert "measured on 1 question<" in known
    assert 'class="hidden">MMLU-Pro:</span>Computer science' in known
    assert re.search(r'class="num">41 %.*?quiet">40–42 %', known)
    assert "As of the training of" in known
    assert "estimated from 20 of 12 032 questions" in told(client, "tried")
    new = told(client, "new")
    assert "forecast, not run" in new
    assert "20–41 %" in new
    assert "Computer science" not in new


def test_the_page_says_what_is_missing(client: Client, live: Checkpoint) -> None:
    make_version("Unseen")
    assert "training has not seen this model" in told(client, "unseen")
    (Path(live.path) / FILE).write_text("{")
    live.digest = "other"
    live.save()
    assert "No test results yet." in told(client, "unseen")


def test_without_an_embedding_nothing_is_known(client: Client) -> None:
    version = make_version("Alone")
    assert benchmark_lines(version) is None
    assert "No test results yet." in told(client, "alone")
    state_set(of=version, state=VersionState.RETIRED, actor=make_contributor("olivia"))
    assert "On benchmarks" not in client.get("/models/alone/").content.decode()
    assert client.get("/api/v1/models/alone/").json()["benchmarks"] == []


def test_the_rest_answer_has_the_same(client: Client, live: Checkpoint) -> None:
    make_version("Tried")
    shown = client.get("/api/v1/models/tried/").json()["benchmarks"]
    assert shown == [
        {
            "benchmark": "MMLU-Pro",
            "topic": "",
            "questions": 12_032,
            "known": "estimated",
            "n": 20,
            "accuracy": 0.5,
            "ci_low": 0.44,
            "ci_high": 0.57,
        }
    ]
    schema = client.get("/api/schema/", HTTP_ACCEPT="application/json").json()
    fields = schema["components"]["schemas"]["BenchmarkOutput"]["properties"]
    assert set(fields) == set(shown[0])


def test_the_file_is_read_once(
    live: Checkpoint, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    version = make_version("Known")
    first = benchmark_lines(version)
    (Path(live.path) / FILE).unlink()
    with django_assert_num_queries(2):  # the live embedding, and the topics' names
        assert benchmark_lines(version) == first
