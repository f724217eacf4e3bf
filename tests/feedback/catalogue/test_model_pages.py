"""A model's own page and the list: what was judged, what is expected, and what became of it."""

import re
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from feedback.catalogue.selectors import head_to_head
from feedback.people.models import Role
from feedback.registry.models import Topic, VersionState
from feedback.registry.services import state_set
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.training.models import Checkpoint, CheckpointState, Kind, TrainingRun
from tests.feedback.builders import (
    judge,
    make_comparison,
    make_contributor,
    make_turn,
    make_version,
)
from tests.feedback.routing.artifacts import promoted
from tests.markup import tight

pytestmark = pytest.mark.django_db


def page(client: Client, slug: str) -> str:
    answer = client.get(f"/models/{slug}/")
    assert answer.status_code == 200
    return tight(answer.content.decode())


def test_a_model_that_nobody_judged(client: Client) -> None:
    make_version("New")
    told = page(client, "new")
    assert "No judgments yet. We show it a little more often." in told
    assert "Against each model" not in told
    assert client.get("/models/nobody/").status_code == 404


def test_a_retired_model_says_since_when_and_that_its_data_stays(client: Client) -> None:
    version, who = make_version("Old"), make_contributor("olivia")
    state_set(of=version, state=VersionState.RETIRED, actor=who)
    day = timezone.now().strftime("%-d %B %Y")
    told = page(client, "old")
    assert f"Retired on {day}." in told
    assert "Its data stays." in told
    assert "a little more often" not in told
    state_set(of=make_version("Resting"), state=VersionState.PAUSED, actor=who)
    assert "It is not shown for now." in page(client, "resting")


def test_the_record_is_sorted_by_rating_and_tinted_where_it_is_sure(client: Client) -> None:
    own, strong, even, weak = (make_version(n) for n in ("Own", "Strong", "Even", "Weak"))
    alice = make_contributor()
    for number in range(40):
        judge(make_comparison(None, own, strong), alice, "b" if number % 10 else "a")
        judge(make_comparison(None, own, even), alice, "a" if number % 2 else "b")
    for _ in range(29):
        judge(make_comparison(None, own, weak), alice, "a")
    met = head_to_head(own)
    assert [one.opponent.label for one in met] == ["Strong", "Even", "Weak"]
    assert [one.tint for one in met] == ["behind", "level", "ahead"]
    assert [one.is_quiet for one in met] == [False, False, True]
    told = page(client, "own")
    assert 'tint-behind">10 %' in told
    assert 'tint-level">50 %' in told
    assert 'tint-level">100 %' in told  # too few judgments to say so


def test_a_trained_model_says_where_it_comes_from(client: Client) -> None:
    version = make_version("Trained")
    version.base = make_version("Base")
    version.save()
    run = TrainingRun.objects.create(
        kind=Kind.POLICY, config_digest="c", code_version="1", snapshot_digest="abcdef0123456789"
    )
    Checkpoint.objects.create(
        run=run,
        kind=Kind.POLICY,
        version=3,
        path="nowhere",
        digest="d",
        files={},
        state=CheckpointState.LIVE,
        model_version=version,
    )
    told = page(client, "trained")
    assert f"Trained ← policy v3 ← run {run.number} ← snapshot <code>abcdef012345</code>" in told
    assert ">Base</a>" in told
    assert f"/runs/{run.number}/" not in told
    who = make_contributor("olivia")
    who.role = Role.OPERATOR
    who.save()
    client.force_login(who)
    assert f"run {run.number}</a>" in page(client, "trained")


def test_the_list_can_start_with_the_best(client: Client) -> None:
    unjudged, weak, strong = (make_version(name) for name in ("A", "B", "C"))
    unjudged.model.topics.add(Topic.objects.create(slug="law", name="Law"))
    for _ in range(20):
        judge(make_comparison(None, strong, weak), make_contributor(), "a")
    by_name = tight(client.get("/models/").content.decode())
    assert by_name.index(">A</a>") < by_name.index(">B</a>") < by_name.index(">C</a>")
    by_rating = tight(client.get("/models/?sort=rating").content.decode())
    assert by_rating.index(">C</a>") < by_rating.index(">B</a>") < by_rating.index(">A</a>")
    assert "±" in by_rating
    assert '<option value="law">Law</option>' in by_name


def test_a_name_leads_to_its_page_wherever_there_is_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_version("One")
    template = Template("{% load ui %}{% for name in names %}{% model_link name %} {% endfor %}")
    with django_assert_num_queries(1):
        told = template.render(Context({"names": ["One", "<b>gone</b>", "One"]}))
    link = '<a href="/models/one/" dir="auto">One</a>'
    assert told == f"{link} &lt;b&gt;gone&lt;/b&gt; {link} "


def forecast_topics(folder: Path, places: dict[str, list[float]], prompts: dict[str, int]) -> None:
    """An embedding in use, and so many encoded prompts of each topic."""
    promoted(folder, make_contributor("olivia"), places)
    encoder = PromptEncoder.objects.create(name="e", dimension=2, adopted_at=timezone.now())
    for slug, count in prompts.items():
        topic, _ = Topic.objects.get_or_create(slug=slug, defaults={"name": slug})
        for number in range(count):
            turn = make_turn()
            turn.topics.add(topic)
            PromptVector.objects.create(
                content_hash=turn.content_hash,
                encoder=encoder,
                dimension=2,
                vector=[1.0, number / count],
            )


def test_what_the_router_expects_stands_beside_the_ratings(client: Client, tmp_path: Path) -> None:
    own, other = make_version("Own"), make_version("Other")
    judge(make_comparison(None, own, other), make_contributor(), "a")
    forecast_topics(tmp_path, {"Own": [2.0, 0.0], "Other": [-2.0, 0.0]}, {"law": 5, "tax": 7})
    told = page(client, "own")
    assert 'class="ratings beside"' in told
    rows = told[told.index("What the router expects") : told.index("Against each model")]
    assert rows.index(">law<") < rows.index(">tax<")
    expected = [int(share) for share in re.findall(r'class="num">(\d+) %', rows)]
    assert len(expected) == 2
    assert min(expected) > 50
    assert re.findall(r'class="num count">(\d+)<', rows) == ["5", "7"]
    assert re.search(r"\d+–\d+ %", rows)
