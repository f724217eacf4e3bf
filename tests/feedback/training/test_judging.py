"""A judge model compares answers in both orders, and has a say only if it knows known winners."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from feedback.registry.models import ModelVersion, Provider, ProviderKind, VersionState
from feedback.training.promotion import judging
from feedback.training.promotion.judging import Problem, policy_judge
from feedback.training.promotion.pairs import known_winners
from feedback.training.promotion.samples import Sample
from feedback.training.snapshots.services import snapshot_write, snapshots_folder
from tests.feedback.builders import judge, make_comparison, make_contributor, make_turn
from tests.feedback.builders import make_version as make_version_named
from tests.feedback.training.judge_server import JudgeServer, judge_server
from trainers.data.snapshot import split_of

pytestmark = pytest.mark.django_db(transaction=True)
GOOD, BAD = "A good answer.", "An answer."


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    """Judges of all ways."""
    with judge_server() as running:
        yield running


@pytest.fixture
def judge_set(settings, server: JudgeServer) -> Callable[[str], ModelVersion]:
    """Register a judge of one way and name it in the settings."""

    def make(way: str) -> ModelVersion:
        version = make_version_named(f"Judge {way}")
        version.provider, _ = Provider.objects.get_or_create(
            name="judges", defaults={"kind": ProviderKind.OPENAI, "base_url": server.url}
        )
        version.remote_name = way
        version.save()
        settings.JUDGE_MODEL = version.model.slug
        return version

    return make


def unseen_questions() -> Iterator[str]:
    """Questions whose split is `test`."""
    number = 0
    while True:
        number += 1
        if split_of(question := f"What is the sum of {number} and one?") == "test":
            yield question


@pytest.fixture
def snapshot() -> Path:
    """Twelve test prompts of which a person prefers the good answer, and one that is tied."""
    person, questions = make_contributor(), unseen_questions()
    a, b = make_version_named("Ada"), make_version_named("Blaise")
    for number in range(13):
        comparison = make_comparison(make_turn(next(questions)), a, b)
        good = number % 2
        for side, response in enumerate((comparison.response_a, comparison.response_b)):
            response.text = GOOD if side == good else BAD
            response.save()
        judge(comparison, person, "tie" if number == 12 else "ab"[good])
    return snapshots_folder() / snapshot_write(on_tick=lambda: None)


def samples(better: int, worse: int = 0) -> list[Sample]:
    """Samples of prompts where the policy's answer is the good one, and where it is not."""
    return [
        Sample(
            prompt_id=str(number),
            messages=[{"role": "user", "content": f"What is {number}?"}],
            policy=GOOD if number < better else BAD,
            reference=BAD if number < better else GOOD,
            reward=None,
            reference_reward=None,
        )
        for number in range(better + worse)
    ]


def judged(of: list[Sample], snapshot: Path, incumbent: Sequence[Sample] = ()) -> judging.Judged:
    return policy_judge(samples=of, incumbent=incumbent, snapshot=snapshot, on_tick=lambda: None)


def test_known_winners_are_what_people_decided(snapshot: Path) -> None:
    pairs = known_winners(snapshot)
    assert len(pairs) == 12
    assert {(pair.preferred, pair.other) for pair in pairs} == {(GOOD, BAD)}


def test_a_sound_judge_is_asked_in_both_orders(judge_set, server, snapshot: Path) -> None:
    judge_set("sound")
    found = judged(samples(better=18, worse=2), snapshot)
    assert found.problem is None
    assert found.agreement is not None
    assert found.wins is not None
    assert (found.agreement.share, found.agreement.pairs) == (1.0, 12)
    assert (found.wins.share, found.wins.pairs) == (0.9, 20)
    assert found.wins.ci[0] > 0.5
    shown = [(first, second) for _way, first, second in server.asked]
    assert shown.count((GOOD, BAD)) == shown.count((BAD, GOOD)) == 32
    assert {(body["temperature"], body["max_tokens"]) for body in server.bodies} == {(0, 8)}


def test_it_is_also_compared_with_what_is_live_on_the_prompts_of_both(
    judge_set, snapshot: Path
) -> None:
    judge_set("sound")
    found = judged(samples(better=10, worse=10), snapshot, samples(better=16, worse=2))
    assert found.against is not None
    assert found.against.pairs == 18
    assert found.against.share == pytest.approx((10 * 0.5 + 6 * 0.0 + 2 * 0.5) / 18)
    alone = judged(samples(better=10), snapshot, samples(better=4))
    assert alone.against is None, "four prompts are too few"
    assert alone.problem is None


@pytest.mark.parametrize("way", ["first", "reversed", "lazy"])
def test_a_judge_that_knows_no_better_than_chance_has_no_say(
    judge_set, server, snapshot: Path, way: str
) -> None:
    judge_set(way)
    found = judged(samples(better=20), snapshot)
    assert (found.problem, found.wins) == (Problem.UNSOUND, None)
    assert found.agreement is not None
    assert found.agreement.share == (0.0 if way == "reversed" else 0.5), "a contradiction is a tie"
    assert len(server.asked) == 2 * 12, "it is not asked about the policy"


def test_one_that_fails_is_given_up_and_nothing_crashes(judge_set, server, snapshot: Path) -> None:
    judge_set("broken")
    found = judged(samples(better=20), snapshot)
    assert (found.problem, found.wins, found.agreement) == (Problem.FAILED, None, None)
    assert len(server.asked) == judging.MOST_FAILURES


def test_what_is_not_one_of_three_words_does_not_count(judge_set, snapshot: Path) -> None:
    judge_set("chatty")
    assert judged(samples(better=20), snapshot).problem is Problem.FEW


def test_calls_are_bounded_in_number_and_in_time(
    judge_set, server, snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_set("sound")
    found = judged(samples(better=3 * judging.MOST_PAIRS), snapshot)
    assert found.wins is not None
    assert found.wins.pairs == judging.MOST_PAIRS
    monkeypatch.setattr(judging, "MOST_SECONDS", 0.0)
    before = len(server.asked)
    assert judged(samples(better=20), snapshot).problem is Problem.FAILED
    assert len(server.asked) == before + 1


def test_it_can_be_cancelled_while_it_is_asked(judge_set, server, snapshot: Path) -> None:
    class CancelledError(Exception):
        pass

    def tick() -> None:
        raise CancelledError

    judge_set("sound")
    with pytest.raises(CancelledError):
        policy_judge(samples=samples(better=20), incumbent=(), snapshot=snapshot, on_tick=tick)
    assert len(server.asked) == 1


def test_without_a_judge_nothing_is_asked(settings, judge_set, server, snapshot: Path) -> None:
    version = judge_set("sound")
    version.state = VersionState.PAUSED
    version.save()
    assert judged(samples(better=20), snapshot).problem is Problem.AWAY
    settings.JUDGE_MODEL = ""
    assert judged(samples(better=20), snapshot).problem is Problem.NONE
    assert server.asked == []
