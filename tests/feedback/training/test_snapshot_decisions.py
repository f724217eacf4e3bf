"""The decisions of routing in a snapshot: whose judgment counts for which, and what stays out."""

from pathlib import Path

import pytest
from django.utils import timezone

from feedback.people.models import ConsentRecord, Contributor, Rater
from feedback.pool.models import Comparison, Turn
from feedback.pool.reactions import reaction_record
from feedback.registry.models import ModelVersion
from feedback.routing.models import ModelRoute
from feedback.training.snapshots.services import snapshot_write, snapshots_folder
from tests.feedback.builders import (
    judge,
    make_comparison,
    make_contributor,
    make_response,
    make_turn,
    make_version,
    withdraw,
)
from trainers.data.snapshot import Snapshot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path: Path) -> None:
    """An empty DATA_DIR."""
    settings.DATA_DIR = tmp_path


@pytest.fixture
def versions() -> list[ModelVersion]:
    """Three models; the third was derived from the first."""
    found = [make_version(name) for name in ("Ada", "Bob", "Eve")]
    ModelVersion.objects.filter(label="Eve").update(base=found[0])
    return found


def decided(
    turn: Turn, contributor: Contributor, versions: list[ModelVersion], *shown: int, **fields: float
) -> ModelRoute:
    """A decision that chose these of the versions."""
    return ModelRoute.objects.create(
        turn=turn,
        contributor=contributor,
        policy="auto",
        considered=[
            {"version": str(v.id), "label": v.label, "score": 0.5, "propensity": (2 + number) / 10}
            for number, v in enumerate(versions)
        ],
        chosen=[versions[number].id for number in shown],
        pair_propensity=0.125,
        router_version="embedding v3",
        latency_ms=1.0,
    )


def written() -> Snapshot:
    return Snapshot.open(snapshots_folder() / snapshot_write(on_tick=lambda: None))


def rewards() -> list[list[float] | None]:
    found: list[list[float] | None] = written().table("decisions")["rewards"].to_pylist()
    return found


def duel(versions: list[ModelVersion]) -> Comparison:
    return make_comparison(None, versions[0], versions[1])


@pytest.mark.parametrize(
    ("shown", "choice", "expected"),
    [
        ((0, 1), "a", [1.0, 0.0]),
        ((1, 0), "a", [0.0, 1.0]),
        ((1, 0), "b", [1.0, 0.0]),
        ((0, 1), "tie", [0.5, 0.5]),
        ((0, 1), "both_bad", [0.5, 0.5]),
    ],
)
def test_a_duel_is_rewarded_in_the_order_shown(
    versions: list[ModelVersion], shown: tuple[int, int], choice: str, expected: list[float]
) -> None:
    alice, comparison = make_contributor(), duel(versions)
    route = decided(comparison.turn, alice, versions, *shown)
    judge(comparison, alice, choice)
    snapshot = written()
    (row,) = snapshot.table("decisions").to_pylist()
    assert row == {
        "decision_id": route.public_id,
        "prompt_id": str(comparison.turn_id),
        "models": ["Ada", "Bob", "Eve"],
        "propensities": [0.2, 0.3, 0.4],
        "chosen": [versions[number].label for number in shown],
        "pair_propensity": 0.125,
        "policy": "auto",
        "router_version": "embedding v3",
        "rewards": expected,
        "rater": Rater.objects.get(contributor=alice).public_id,
        "created_at": route.created_at,
    }
    bases = {row["model"]: row["base"] for row in snapshot.table("models").to_pylist()}
    assert bases == {"Ada": None, "Bob": None, "Eve": "Ada"}


def test_another_persons_judgment_of_the_same_answers_is_no_reward(
    versions: list[ModelVersion],
) -> None:
    alice, comparison = make_contributor(), duel(versions)
    decided(comparison.turn, alice, versions, 0, 1)
    judge(comparison, make_contributor(), "a")
    assert rewards() == [None]


def test_a_judgment_that_knew_the_names_or_was_of_other_models_is_no_reward(
    versions: list[ModelVersion],
) -> None:
    alice, revealed, replaced = make_contributor(), duel(versions), duel(versions)
    decided(revealed.turn, alice, versions, 0, 1)
    decided(replaced.turn, alice, versions, 0, 2)
    for comparison in (revealed, replaced):
        judge(comparison, alice, "a")
    Comparison.objects.filter(pk=revealed.pk).update(unranked_reason="revealed")
    assert rewards() == [None, None]


def test_what_was_withdrawn_or_withheld_is_not_there(versions: list[ModelVersion]) -> None:
    alice, kept, gone, hidden = make_contributor(), *(duel(versions) for _ in range(3))
    for comparison in (kept, gone, hidden):
        decided(comparison.turn, alice, versions, 0, 1)
        preference = judge(comparison, alice, "a")
        if comparison == gone:
            withdraw(preference, alice)
    Turn.objects.filter(pk=hidden.turn_id).update(withheld_at=timezone.now())
    rows = written().table("decisions").to_pylist()
    assert [row["prompt_id"] for row in rows] == [str(kept.turn_id)]


def test_the_newest_thumb_rewards_a_single_answer(versions: list[ModelVersion]) -> None:
    alice = make_contributor()
    judge(duel(versions), alice, "a")  # a pool is not of thumbs alone
    turn = make_turn("How?")
    decided(turn, alice, versions, 1)
    response = make_response(turn, versions[1])
    rater = Rater.objects.get(contributor=alice)
    reaction_record(response=response, rater=rater, kind="copy")
    reaction_record(response=response, rater=rater, kind="thumb", value="up")
    assert rewards() == [[1.0]]
    reaction_record(response=response, rater=rater, kind="thumb", value="down")
    snapshot = written()
    assert snapshot.table("decisions")["rewards"].to_pylist() == [[0.0]]
    assert str(turn.id) in snapshot.table("prompts")["prompt_id"].to_pylist()


def test_a_thumb_of_someone_who_does_not_let_it_train_stays_out(
    versions: list[ModelVersion],
) -> None:
    alice, bob = make_contributor(), make_contributor()
    judge(duel(versions), alice, "a")
    turn = make_turn("How?")
    decided(turn, bob, versions, 1)
    response = make_response(turn, versions[1])
    ConsentRecord.objects.create(
        contributor=bob, terms_version="2", licence="CC-BY-4.0", scope=["publish"]
    )
    rater = Rater.objects.get(contributor=bob)
    reaction_record(response=response, rater=rater, kind="thumb", value="up")
    snapshot = written()
    assert snapshot.table("decisions").num_rows == 0
    assert str(turn.id) not in snapshot.table("prompts")["prompt_id"].to_pylist()
