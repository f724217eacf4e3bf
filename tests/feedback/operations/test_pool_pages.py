"""The operator's pool: found by words, one comparison with its rewards, and who may see it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from feedback.people.models import Contributor
from feedback.pool.models import Comparison
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.training.models import Checkpoint, CheckpointState, Kind, TrainingRun
from feedback.training.services import run_request
from tests.feedback.builders import judge, make_comparison, make_contributor, make_turn
from tests.trainers.command_line import run
from tests.trainers.toys import write_toy_snapshot

pytestmark = pytest.mark.django_db
CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def operator(olivia: Contributor, client_of: Callable[[Contributor], Client]) -> Client:
    return client_of(olivia)


@pytest.fixture
def live_reward(settings: Settings) -> Checkpoint:
    """A live reward model's row; where it is served is the test's affair."""
    settings.SCORE_URL = CLOSED
    run = run_request(kind=Kind.REWARD)
    TrainingRun.objects.filter(pk=run.pk).update(state="succeeded")
    return Checkpoint.objects.create(
        run=run, kind=Kind.REWARD, version=7, path="-", digest="d", files={},
        state=CheckpointState.LIVE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def score_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The inference server with a reward model that was trained a moment ago."""
    folder = tmp_path_factory.mktemp("served")
    snapshot = write_toy_snapshot(folder / "snapshot")
    where = ("--snapshot", snapshot.path, "--out", folder / "live" / "reward")
    assert run("reward", *where, "--set", "optim.num_train_epochs=3").rows
    command = [sys.executable, "-m", "trainers", "serve"]
    process = subprocess.Popen(
        [*command, "--artifacts", str(folder / "live"), "--port", "0"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TRAINERS_DIE_WITH_PARENT": str(os.getpid())},
    )
    try:
        line = next(line for line in process.stderr if line.startswith("serving http"))
        yield line.split()[1]
    finally:
        process.kill()
        process.wait()


def named(text: str) -> Comparison:
    return make_comparison(make_turn(text))


def test_a_prompt_is_found_by_its_words(operator: Client) -> None:
    named("How do bees find their way home?")
    named("Why is the sky blue?")
    page = operator.get("/operate/pool/?q=sky+BLUE").content.decode()
    assert "Why is the sky blue?" in page
    assert "bees" not in page
    assert "No prompt contains “whales”" in operator.get("/operate/pool/?q=whales").content.decode()


def test_the_list_goes_on_by_key(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feedback.operations.pool_search.PAGE", 2)
    monkeypatch.setattr("feedback.operations.pool_views.PAGE", 2)
    for number in range(3):
        named(f"Question {number}?")
    first = operator.get("/operate/pool/").content.decode()
    assert re.findall(r"Question \d", first) == ["Question 2", "Question 1"]
    link = re.search(r'href="(\?q=&amp;before=[^"]+)"', first)[1].replace("&amp;", "&")
    assert "Question 0" in operator.get("/operate/pool/" + link).content.decode()
    assert operator.get("/operate/pool/?before=nonsense&q=%00").status_code == 200


def test_a_comparison_shows_models_judgments_and_no_reward_where_none_is_live(
    operator: Client,
) -> None:
    comparison = named("Which is better?")
    judge(comparison, make_contributor(), "b", rationale="<b>clearer</b>")
    page = operator.get(f"/operate/pool/{comparison.public_id}/").content.decode()
    assert comparison.version_a.label in page
    assert "&lt;b&gt;clearer&lt;/b&gt;" in page
    assert "No reward model is live yet" in page
    assert operator.get("/operate/pool/nowhere/").status_code == 404


def test_a_reward_model_that_is_away_takes_nothing_else_away(
    operator: Client, live_reward: Checkpoint
) -> None:
    page = operator.get(f"/operate/pool/{named('Who?').public_id}/").content.decode()
    assert "The reward model did not answer" in page
    assert "Nobody has judged it yet" in page


def test_the_live_reward_model_scores_both_answers(
    operator: Client, live_reward: Checkpoint, score_url: str, settings: Settings
) -> None:
    settings.SCORE_URL = score_url
    page = operator.get(f"/operate/pool/{named('Explain tea, please').public_id}/").content.decode()
    assert re.search(r"Reward model v7: r\(a\) − r\(b\) = -?\d+\.\d\d\.", page)
    assert len(re.findall(r'class="state">reward -?\d+\.\d{3}<', page)) == 2


def test_only_operators_look_into_the_pool(
    alice: Contributor, stranger: Client, client_of: Callable[[Contributor], Client]
) -> None:
    comparison = named("Whose?")
    for url in ("/operate/pool/", f"/operate/pool/{comparison.public_id}/"):
        assert client_of(alice).get(url).status_code == 403
        assert stranger.get(url).status_code == 403


def test_prompts_like_this_one_are_linked_nearest_first(operator: Client) -> None:
    egg, cook, chess = (named(text) for text in ("Boil an egg?", "Cook an egg?", "Play chess?"))
    used = PromptEncoder.objects.create(name="e", dimension=2, adopted_at=timezone.now())
    for comparison, vector in ((egg, [1, 0]), (cook, [0.9, 0.1]), (chess, [0, 1])):
        PromptVector.objects.create(
            content_hash=comparison.turn.content_hash, encoder=used, dimension=2, vector=vector
        )
    page = operator.get(f"/operate/pool/{egg.public_id}/").content.decode()
    like = page.split("Prompts like this one", 1)[1]
    assert like.index(cook.public_id) < like.index(chess.public_id)
    assert "0.99" in like
    assert egg.public_id not in like


def test_prompts_that_cannot_be_compared_name_the_way_out(operator: Client) -> None:
    egg = named("Boil an egg?")
    page = operator.get(f"/operate/pool/{egg.public_id}/").content.decode()
    assert "None yet" in page
    PromptEncoder.objects.create(name="old", dimension=2, adopted_at=timezone.now())
    PromptEncoder.objects.create(name="new", dimension=3)
    page = operator.get(f"/operate/pool/{egg.public_id}/").content.decode()
    assert "prompts_encode" in page
