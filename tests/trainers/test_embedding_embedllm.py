"""EmbedLLM as published: its equation, its settings, and the faults that are mended."""

import numpy as np
import torch

from tests.trainers.worlds import no_comparisons, outcomes_where, world
from trainers.embedding.embedllm import PUBLISHED, EmbedLLM, EmbedLLMSettings, fit_embedllm

MADE = world(questions=300, models=6, seed=2)


def test_the_settings_are_the_papers() -> None:
    assert (
        EmbedLLMSettings(
            dimension=232,
            noise=0.05,
            learning_rate=1e-4,
            weight_decay=1e-5,
            batch=2048,
            epochs=50,
            seed=42,
        )
        == PUBLISHED
    )


def test_what_is_kept_is_the_papers_formula_without_noise() -> None:
    torch.manual_seed(0)
    net = EmbedLLM(6, 32, EmbedLLMSettings(dimension=5)).eval()
    models, questions = torch.arange(6), torch.from_numpy(MADE.vectors[:6])
    with torch.no_grad():
        first, again = net(models, questions), net(models, questions)
        hidden = net.projection(questions) * net.vectors.weight
        two = net.readout(hidden)
        kept = net.result()
    assert torch.equal(first, again)  # evaluation is free of the noise of training
    np.testing.assert_allclose(first, two[:, 1] - two[:, 0], atol=1e-6)
    logits = kept.features(MADE.vectors[:6]) @ kept.vectors.T + kept.offset
    np.testing.assert_allclose(np.diag(logits), first, atol=1e-5)


def test_it_learns_from_the_outcomes_of_training_prompts_alone() -> None:
    everything = outcomes_where(MADE, np.ones(MADE.logits.shape, bool))
    evidence = MADE.evidence(everything, no_comparisons())
    settings = EmbedLLMSettings(dimension=16, learning_rate=1e-2, batch=256, epochs=8)
    losses: list[float] = []
    kept, epochs = fit_embedllm(
        evidence, MADE.vectors, lambda epoch, of, loss: losses.append(loss), settings
    )
    assert epochs == len(losses) == 8
    assert losses[-1] < losses[0] - 0.05
    test = MADE.holdout.test
    logits = kept.features(MADE.vectors[test]) @ kept.vectors.T + kept.offset
    assert ((logits > 0) == MADE.outcomes[test]).mean() > 0.55
    blind = MADE.outcomes.copy()
    blind[test] = 1.0 - blind[test]
    flipped = MADE.evidence(
        outcomes_where(type(MADE)(MADE.vectors, MADE.logits, blind), blind > -1), no_comparisons()
    )
    other, _ = fit_embedllm(flipped, MADE.vectors, lambda *_: None, settings)
    np.testing.assert_array_equal(other.vectors, kept.vectors)
