"""Sampled answers beside the base's: for operators alone, and only of prompts still in the pool."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.pool.models import Turn
from feedback.training.models import Checkpoint, RunState, TrainingRun
from feedback.training.services import run_request
from tests.feedback.builders import judge, make_comparison, make_turn, withdraw
from tests.markup import tight

pytestmark = pytest.mark.django_db
SECRET = "Is my rash <dangerous>?"


def policy_of(folder: Path, rows: list[dict[str, object]]) -> Checkpoint:
    """A policy that was sampled on these prompts."""
    if rows:
        (folder / "samples.json").write_text(json.dumps(rows))
    run = run_request(kind="policy", seed=TrainingRun.objects.count())
    TrainingRun.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED)
    return Checkpoint.objects.create(
        run=run, kind="policy", version=1, path=str(folder), digest="d", files={}
    )


def row_of(turn: Turn, policy: str = "See a doctor.", **fields: object) -> dict[str, object]:
    return {
        "prompt_id": str(turn.pk),
        "messages": turn.messages,
        "policy": policy,
        "reference": "It is nothing.",
        "reward": 1.25,
        "reference_reward": -0.5,
        **fields,
    }


@pytest.fixture
def asked(alice: Contributor) -> Turn:
    """A prompt that alice judged."""
    turn = make_turn(SECRET)
    judge(make_comparison(turn), alice)
    return turn


def key_of(contributor: Contributor, *scopes: str) -> dict[str, str]:
    key = apikey_create(contributor=contributor, name="test", scopes=scopes)
    return {"Authorization": f"Bearer {key}"}


def test_an_operator_sees_both_answers_with_rewards_and_lengths(
    olivia: Contributor, client_of: Callable[[Contributor], Client], asked: Turn, tmp_path: Path
) -> None:
    checkpoint = policy_of(tmp_path, [row_of(asked)])
    page = tight(client_of(olivia).get(f"/runs/{checkpoint.run.number}/").content.decode())
    for text in ("Is my rash &lt;dangerous&gt;?", "See a doctor.", "It is nothing."):
        assert text in page
    assert "reward 1.25, 13 characters" in page
    assert "reward -0.50, 14 characters" in page
    assert "One held-out prompt that training never saw" in page
    answer = client_of(olivia).get(f"/api/v1/checkpoints/{checkpoint.pk}/samples/")
    assert answer.json() == [row_of(asked)]


def test_nobody_else_does(
    olivia: Contributor,
    alice: Contributor,
    bob: Contributor,
    stranger: Client,
    client_of: Callable[[Contributor], Client],
    asked: Turn,
    tmp_path: Path,
) -> None:
    checkpoint = policy_of(tmp_path, [row_of(asked)])
    page, api = f"/runs/{checkpoint.run.number}/", f"/api/v1/checkpoints/{checkpoint.pk}/samples/"
    for browser in (stranger, client_of(alice), client_of(bob)):
        for address in (page, api):
            answer = browser.get(address)
            assert answer.status_code in (401, 403), address
            assert "rash" not in answer.content.decode()
    every = key_of(bob, "runs:write")
    assert stranger.get(api, headers=every).status_code == 403
    assert stranger.get(api, headers=key_of(olivia, "pool:read")).status_code == 403
    assert stranger.get(api, headers=key_of(olivia, "runs:write")).status_code == 200
    run = client_of(alice).get(f"/api/v1/training-runs/{checkpoint.run.pk}/")
    assert run.status_code == 200
    assert "rash" not in run.content.decode()


def test_a_prompt_that_left_the_pool_since_is_not_shown(
    olivia: Contributor,
    alice: Contributor,
    client_of: Callable[[Contributor], Client],
    asked: Turn,
    tmp_path: Path,
) -> None:
    withheld, withdrawn = make_turn("Where do I live?"), make_turn("What is my name?")
    judge(make_comparison(withheld), alice)
    preference = judge(make_comparison(withdrawn), alice)
    rows = [row_of(turn) for turn in (asked, withheld, withdrawn)]
    strange = [row_of(asked, prompt_id=name) for name in ("nobody", "' OR true")]
    checkpoint = policy_of(tmp_path, rows + strange)
    browser = client_of(olivia)
    address = f"/api/v1/checkpoints/{checkpoint.pk}/samples/"
    assert len(browser.get(address).json()) == 3

    Turn.objects.filter(pk=withheld.pk).update(withheld_at=asked.created_at)
    withdraw(preference, alice)
    assert [row["prompt_id"] for row in browser.get(address).json()] == [str(asked.pk)]
    page = browser.get(f"/runs/{checkpoint.run.number}/").content.decode()
    assert "Where do I live?" not in page
    assert "What is my name?" not in page


def test_a_policy_without_samples_says_so(
    olivia: Contributor, client_of: Callable[[Contributor], Client], tmp_path: Path
) -> None:
    checkpoint = policy_of(tmp_path, [])
    page = tight(client_of(olivia).get(f"/runs/{checkpoint.run.number}/").content.decode())
    assert "There are none to show" in page
