"""Evidence that says little or nothing: a sane answer with wide intervals, or a clear error."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trainers.worlds import (
    CONFIG,
    World,
    fitted,
    no_comparisons,
    no_outcomes,
    outcomes_where,
    world,
)
from trainers.data.snapshot import Snapshot, SnapshotWriter
from trainers.embedding.fit import fit_embedding
from trainers.encoding.encoder import Encoder
from trainers.errors import InputError
from trainers.model_vectors.evidence import COMMON, Evidence, PairwiseComparisons, read_evidence
from trainers.model_vectors.features import learn_features
from trainers.model_vectors.scorer import Scorer

MADE = world(questions=200, models=4, seed=5)
QUICK = replace(CONFIG, optim=replace(CONFIG.optim, num_train_epochs=6))


def scorer_of(evidence: Evidence, vectors: np.ndarray | None = None) -> Scorer:
    return fitted(evidence, MADE.vectors if vectors is None else vectors, QUICK)


def everything(made: World = MADE) -> Evidence:
    return made.evidence(outcomes_where(made, np.ones(made.logits.shape, bool)), no_comparisons())


def test_a_snapshot_without_outcomes_and_comparisons_is_refused(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "pool") as writer:
        writer.finish(filters={}, licence="MIT")
    with pytest.raises(InputError, match="evidence of at least two models"):
        read_evidence(Snapshot.open(tmp_path / "pool"))


def test_a_model_that_is_always_right_is_believed_good_but_not_certain() -> None:
    always = MADE.outcomes.copy()
    always[:, 0] = 1.0
    scorer = scorer_of(everything(World(MADE.vectors, MADE.logits, always)))
    chances = scorer.probabilities(MADE.vectors)[:, 0]
    assert 0.8 < chances.min() <= chances.max() < 1.0
    mean, deviation = scorer.believed(MADE.vectors[0], scorer.models)
    assert np.isfinite(mean).all()
    assert 0.0 < deviation[0] < 5.0


def test_groups_that_never_met_keep_their_own_order_and_a_wide_gap() -> None:
    """m0 beats m1 and m2 beats m3; nobody of the first two ever met one of the others."""
    prompt = np.repeat(np.arange(200), 2)
    first, second = np.tile([0, 2], 200), np.tile([1, 3], 200)
    comparisons = PairwiseComparisons(
        prompt=prompt, first=first, second=second, label=np.ones(400), weight=np.ones(400)
    )
    scorer = scorer_of(MADE.evidence(no_outcomes(), comparisons))
    means, deviations = scorer.believed(MADE.vectors[0], scorer.models)
    assert means[0] > means[1] + 1.0
    assert means[2] > means[3] + 1.0
    assert np.hypot(deviations[0], deviations[2]) > 0.3
    assert np.isfinite(means).all()


def test_a_model_without_training_evidence_is_the_prior() -> None:
    ran = np.ones(MADE.logits.shape, bool)
    ran[MADE.holdout.train_and_validation, 3] = False
    scorer = scorer_of(MADE.evidence(outcomes_where(MADE, ran), no_comparisons()))
    assert scorer.counts[3] == 0
    np.testing.assert_allclose(scorer.vectors[3], scorer.prior.mean, rtol=1e-5, atol=1e-6)
    wide = scorer.believed(MADE.vectors[0], scorer.models)[1]
    assert wide[3] == max(wide)


def test_equal_vectors_leave_every_models_mean() -> None:
    same = np.tile(MADE.vectors[:1], (200, 1))
    chances = scorer_of(everything(), same).probabilities(same[:1])[0]
    means = MADE.outcomes[MADE.holdout.train_and_validation].mean(0)
    np.testing.assert_allclose(chances, means, atol=0.03)


def test_vectors_that_are_no_numbers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder with a broken checkpoint gives them."""
    broken = np.full((200, 384), np.nan, np.float32)
    monkeypatch.setattr(Encoder, "encode", lambda self, texts, report=None: broken)
    with pytest.raises(InputError, match="vectors of prompt q0 and 199 others are not numbers"):
        everything().vectors(Encoder(cached=False))


def test_a_topic_of_few_prompts_is_not_learned() -> None:
    topics = [("law",), ("mathematics",)] * 99 + [("law", "rare"), ()]
    shares = replace(everything(), topics=topics).topic_shares()
    assert shares.shape == (200, 2)
    assert shares[0].tolist() == [1.0, 0.0]
    assert shares[198].tolist() == [1.0, 0.0]
    assert shares[199].tolist() == [0.0, 0.0]
    few = [("law",), ("mathematics",)] * (COMMON // 4) + [()] * (200 - COMMON // 2)
    assert replace(everything(), topics=few).topic_shares().shape == (200, 0)


def test_topics_are_recognised_on_new_prompts_and_carry_what_models_do_on_them() -> None:
    """Two topics lie on two sides of the space; a model is good at one of them."""
    side = MADE.vectors[:, 0] > 0
    vectors = MADE.vectors + np.where(side, 0.5, -0.5)[:, None] * np.eye(32, dtype=np.float32)[0]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    topics = [("a",) if one else ("b",) for one in side]
    right = np.column_stack([side, ~side, side, ~side]).astype(float)
    evidence = replace(everything(World(vectors, MADE.logits, right)), topics=topics)
    shares = evidence.topic_shares()
    features = learn_features(vectors[:160], shares[:160], 0)
    known, guessed = features(vectors[160:], shares[160:]), features(vectors[160:])
    assert np.corrcoef(known[:, -1], guessed[:, -1])[0, 1] > 0.9
    test = evidence.holdout.test
    chances = scorer_of(evidence, vectors).probabilities(vectors[test])
    assert ((chances[:, 0] > chances[:, 1]) == side[test]).all()


def test_the_kernels_features_have_the_kernel_as_inner_product() -> None:
    features = learn_features(MADE.vectors, np.zeros((200, 0), np.float32), 0)
    gaps = features(MADE.vectors[:20])[:, None] - features(MADE.vectors[:20])[None]
    apart = np.square(MADE.vectors[:20, None] - MADE.vectors[None, :20]).sum(-1)
    expected = 16.0 * (2.0 - 2.0 * np.exp(-2.0 * apart))  # |phi(a) - phi(b)|^2, scaled
    np.testing.assert_allclose(np.square(gaps).sum(-1), expected, atol=0.02)


def test_adaptive_scaling_learns_from_comparisons_too() -> None:
    prompt = np.arange(200)
    comparisons = PairwiseComparisons(
        prompt=prompt,
        first=prompt * 0,
        second=prompt * 0 + 1,
        label=np.ones(200),
        weight=np.ones(200),
    )
    evidence = MADE.evidence(no_outcomes(), comparisons)
    plain, adaptive = (
        fitted(evidence, MADE.vectors, replace(QUICK, loss=loss)).scores(MADE.vectors)
        for loss in ("logistic", "adaptive")
    )
    assert (adaptive[:, 0] > adaptive[:, 1]).all()
    assert np.abs(adaptive - plain).max() > 0.1  # a clear preference may count for more


def test_the_published_method_needs_outcomes() -> None:
    first, second = np.zeros(5, np.int64), np.ones(5, np.int64)
    evidence = MADE.evidence(
        no_outcomes(),
        PairwiseComparisons(
            prompt=first, first=first, second=second, label=np.ones(5), weight=np.ones(5)
        ),
    )
    with pytest.raises(InputError, match="embedllm learns from outcomes"):
        fit_embedding(evidence, MADE.vectors, replace(QUICK, method="embedllm"), lambda *_: None)
