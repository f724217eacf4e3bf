"""Making a trained model's gaps mean what they say, on pairs that it was not trained on."""

import numpy as np
from numpy.typing import NDArray

from trainers.reward.data import Pairs
from trainers.reward.judge import Calibration, Floats, Held, RewardJudge
from trainers.statistics.measures import fit_temperature, fit_tie

Rows = NDArray[np.int64]

# Imagined comparisons of the usual gap that went either way. With few held-out pairs a scale is
# hardly known, and believing too little costs less than believing too much; beside hundreds of
# pairs they weigh nothing.
IMAGINED = 4.0
MOST_OF_A_PROMPT = 10.0  # comparisons: more of one prompt say little more about another


def pair_outputs(judge: RewardJudge, pairs: Pairs, rows: Rows) -> tuple[Floats, Floats]:
    """What is said of the two answers of some pairs, (n, members, width); each is read once."""
    ends, where = np.unique(
        np.concatenate([pairs.first[rows], pairs.second[rows]]), return_inverse=True
    )
    outputs = judge.outputs([pairs.answers[end] for end in ends])
    return outputs[where[: len(rows)]], outputs[where[len(rows) :]]


def calibrate(judge: RewardJudge, pairs: Pairs, held: Held | None) -> Calibration:
    """Set the model's temperature, in its weights, and its tie parameter.

    sigma(gap) is then the probability that a wins a comparison that has a winner.
    """
    if held is None:
        rows = pairs.holdout.validation
        held = Held(rows, judge.gaps(*pair_outputs(judge, pairs, rows)).mean(1))
    known = pairs.comparisons.where(held.rows)
    weights = _prompt_weights(known.prompt_id, known.weight)
    decided = known.decided
    temperature = shrunk_temperature(
        held.gaps[decided], (known.label[decided] > 0.5).astype(float), weights[decided]
    )
    judge.rescale(temperature)
    judge.tie = fit_tie(held.gaps / temperature, known.tie, weights)
    return Calibration(temperature, judge.tie)


def shrunk_temperature(gaps: Floats, labels: Floats, weights: Floats) -> float:
    """The temperature of held-out pairs, (n,), beside a few imagined ones that went either way."""
    if not len(gaps) or not gaps.any():
        return 1.0
    usual = float(np.sqrt(np.average(gaps**2, weights=weights)))
    return fit_temperature(
        np.append(gaps, usual), np.append(labels, 0.5), np.append(weights, IMAGINED)
    )


def _prompt_weights(prompts: NDArray[np.object_], weights: Floats) -> Floats:
    """Weights under which no prompt counts more than a few comparisons."""
    _, cluster = np.unique(prompts.astype(str), return_inverse=True)
    whole = np.bincount(cluster, weights)
    return weights * np.minimum(1.0, MOST_OF_A_PROMPT / np.maximum(whole, 1e-12))[cluster]
