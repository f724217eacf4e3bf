"""A clearly worse model is shown by exploration alone; one that failed its gate is never chosen."""

import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback.arena.answers.candidates import answerable_versions, choosable_versions
from feedback.errors import UnavailableError
from feedback.registry.models import ModelVersion, Provider, ProviderKind
from feedback.routing.constraints import ANY, versions_able
from feedback.routing.explaining.sentences import sentences
from feedback.routing.explaining.why import explain
from feedback.routing.policy import EXPLORE_FLOOR, clearly_worst, greedy, held_back, thompson
from feedback.routing.posterior import global_belief
from feedback.routing.selectors import routable_versions
from feedback.routing.services import models_route
from feedback.training.models import Checkpoint, CheckpointState, Kind, TrainingRun
from feedback.training.promotion.verdict_text import FAILED, VerdictCode
from tests.feedback.builders import judge, make_comparison, make_version

QUESTION = [{"role": "user", "content": "Which one?"}]
beliefs = st.builds(
    lambda models, seed, gap: (models, seed, gap),
    st.integers(2, 7),
    st.integers(0, 2**32 - 1),
    st.floats(0, 12),
)


def drawn(models: int, seed: int, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Means and draws of models, the first of which lies `gap` below where it would be."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=models)
    means[0] -= gap
    deviations = rng.uniform(0.1, 1.0, models)
    return means, means + deviations * rng.standard_normal((1000, models))


def guarded(draws: np.ndarray, known: np.ndarray) -> np.ndarray:
    return held_back(draws, clearly_worst(draws, known))


def naive_worst(draws: np.ndarray) -> int | None:
    for model in range(draws.shape[1]):
        below = [
            all(row[model] < other for j, other in enumerate(row) if j != model) for row in draws
        ]
        if np.mean(below) >= 0.975:
            return model
    return None


@settings(max_examples=40, deadline=None)
@given(beliefs)
def test_the_guard_keeps_what_a_policy_promises(belief: tuple[int, int, float]) -> None:
    models, (means, draws) = belief[0], drawn(*belief)
    known = np.ones(models, bool)
    worst = clearly_worst(draws, known)
    assert worst == naive_worst(draws)
    policy = thompson(guarded(draws, known))
    assert policy.single.sum() == pytest.approx(1)
    assert policy.pairs.sum() == pytest.approx(1)
    np.testing.assert_allclose(policy.pairs, policy.pairs.T)
    assert policy.single.min() >= EXPLORE_FLOOR / models - 1e-12
    if worst is None:
        np.testing.assert_array_equal(policy.pairs, thompson(draws).pairs)
        return
    assert policy.shown(1)[worst] == pytest.approx(EXPLORE_FLOOR / models)
    expected = 1.0 if models == 2 else EXPLORE_FLOOR * 2 / models  # the other one needs a partner
    assert policy.shown(2)[worst] == pytest.approx(expected)
    best = greedy(means)  # what serves one answer shows it no more often
    assert best.shown(1)[worst] == pytest.approx(EXPLORE_FLOOR / models)
    assert best.shown(2)[worst] == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(beliefs, st.randoms(use_true_random=False))
def test_the_order_and_names_of_models_change_nothing(belief, random) -> None:
    _means, draws = drawn(*belief)
    known = np.ones(draws.shape[1], bool)
    order = list(range(draws.shape[1]))
    random.shuffle(order)
    one = thompson(guarded(draws, known))
    other = thompson(guarded(draws[:, order], known))
    np.testing.assert_allclose(other.pairs, one.pairs[np.ix_(order, order)], atol=1e-12)
    np.testing.assert_allclose(other.single, one.single[order], atol=1e-12)


def test_it_is_shown_as_rarely_as_its_propensity_says() -> None:
    _means, draws = drawn(4, 5, 12.0)
    policy = thompson(guarded(draws, np.ones(4, bool)))
    rng = np.random.default_rng(1)
    shown = np.mean([0 in policy.sample(2, rng) for _ in range(20_000)])
    assert shown == pytest.approx(EXPLORE_FLOOR / 2, abs=0.004)


def test_ignorance_is_no_evidence() -> None:
    _means, draws = drawn(3, 2, 12.0)
    assert clearly_worst(draws, np.ones(3, bool)) == 0
    assert clearly_worst(draws, np.array([False, True, True])) is None
    assert clearly_worst(np.zeros((10, 3)), np.ones(3, bool)) is None  # level is not worse
    assert clearly_worst(np.zeros((10, 1)), np.ones(1, bool)) is None


@pytest.fixture
def _fresh(db: None) -> None:
    cache.clear()


def versions(*names: str) -> list[ModelVersion]:
    return [make_version(name) for name in names]


def gated(version: ModelVersion, code: str) -> Checkpoint:
    """A policy with this verdict, whose version people could meet: somebody promoted it."""
    run = TrainingRun.objects.create(kind=Kind.POLICY, config_digest=code, code_version="1")
    return Checkpoint.objects.create(
        run=run,
        kind=Kind.POLICY,
        version=Checkpoint.objects.count() + 1,
        path="",
        digest=code,
        files={},
        state=CheckpointState.REPLACED,
        verdict={"code": code, "evidence": {}},
        model_version=version,
    )


@pytest.mark.usefixtures("_fresh")
def test_ratings_hold_back_the_one_that_loses_to_all_others(alice) -> None:
    good, fair, bad, new = versions("Good", "Fair", "Bad", "New")
    for _ in range(25):
        judge(make_comparison(None, good, bad), alice, "a")
        judge(make_comparison(None, fair, bad), alice, "a")
        judge(make_comparison(None, good, fair), alice, "tie")
    routed = models_route(messages=QUESTION, candidates=[good, fair, bad, new])
    shown = {one["label"]: one["propensity"] for one in routed.route.considered}
    assert routed.route.router_version == "ratings"
    assert shown["Bad"] == pytest.approx(EXPLORE_FLOOR / 2)
    assert shown["New"] > 2 * shown["Bad"]
    assert [one["label"] for one in routed.route.considered if "held_back" in one] == ["Bad"]
    told = " ".join(sentences(explain(routed.route)))
    assert "Bad is clearly worse than all others here" in told
    belief = global_belief(["Good", "New"], np.random.default_rng(0))
    assert belief.known.tolist() == [True, False]
    alone = models_route(messages=QUESTION, candidates=[good, bad])
    assert {one.version.label for one in alone.chosen} == {"Good", "Bad"}
    assert alone.route.pair_propensity == pytest.approx(0.5)
    assert not any("held_back" in one for one in alone.route.considered)
    one = models_route(messages=QUESTION, candidates=[good, bad], k=1, policy="best")
    assert {each["label"]: each["propensity"] for each in one.route.considered} == pytest.approx(
        {"Good": 1 - EXPLORE_FLOOR / 2, "Bad": EXPLORE_FLOOR / 2}
    )


@pytest.mark.usefixtures("_fresh")
@pytest.mark.parametrize("code", list(VerdictCode))
def test_one_that_failed_its_gate_is_no_candidate(code: VerdictCode) -> None:
    good, policy = versions("Good", "Policy")
    checkpoint = gated(policy, code)
    allowed = [good] if code in FAILED else [good, policy]
    assert versions_able([good, policy], ANY) == allowed
    assert routable_versions() == allowed
    assert checkpoint.has_failed_gate == (code in FAILED)
    with CaptureQueriesContext(connection) as queries:
        versions_able([good, policy], ANY)
    assert len(queries) == 1
    if code in FAILED:
        with pytest.raises(UnavailableError):
            models_route(messages=QUESTION, candidates=[good, policy])


@pytest.mark.usefixtures("_fresh")
def test_it_can_be_asked_by_name_alone() -> None:
    good, policy = versions("Good", "Policy")
    provider = Provider.objects.create(
        name="Server", kind=ProviderKind.OPENAI, base_url="http://127.0.0.1:9"
    )
    ModelVersion.objects.update(provider=provider)
    gated(policy, VerdictCode.WORSE)
    assert answerable_versions(QUESTION) == [good, policy]
    assert choosable_versions(QUESTION) == [good]


@pytest.mark.usefixtures("_fresh")
def test_whoever_promotes_it_is_told(client_of, olivia) -> None:
    checkpoint = gated(make_version("Policy"), VerdictCode.BELOW_BASELINE)
    checkpoint.verdict["evidence"] = {
        "kind": "policy",
        "implicit_accuracy": 0.4,
        "implicit_accuracy_ci": [0.3, 0.5],
    }
    checkpoint.save()
    page = client_of(olivia).get(reverse("run_promote", args=[checkpoint.run.number]))
    assert "nobody is shown it unasked" in page.content.decode()
    checkpoint.verdict["code"] = VerdictCode.ABOVE_BASELINE
    checkpoint.save()
    page = client_of(olivia).get(reverse("run_promote", args=[checkpoint.run.number]))
    assert "nobody is shown it unasked" not in page.content.decode()
