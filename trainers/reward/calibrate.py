"""Making a trained model's gaps mean what they say, on pairs that it was not trained on."""

import numpy as np
from numpy.typing import NDArray

from trainers.arrays import Floats, Ints
from trainers.reward.data import Pairs
from trainers.reward.model import Calibration, HeldOutPredictions, RewardModel
from trainers.statistics.measures import fit_temperature, fit_tie

# Pseudo-comparisons of the usual gap that went either way. With few held-out pairs a scale is
# hardly known, and believing too little costs less than believing too much; beside hundreds of
# pairs they weigh nothing.
PSEUDO_COUNT = 4.0
MOST_OF_A_PROMPT = 10.0  # comparisons: more of one prompt say little more about another


def pair_outputs(model: RewardModel, pairs: Pairs, rows: Ints) -> tuple[Floats, Floats]:
    """Return the outputs of the two answers of pairs rows[n], [n, members, width] each.

    An answer that stands in several of them is read once.
    """
    # ends: the distinct answers; where [2n]: the place of each side among them.
    ends, where = np.unique(
        np.concatenate([pairs.first[rows], pairs.second[rows]]), return_inverse=True
    )
    outputs = model.outputs([pairs.answers[end] for end in ends])  # [ends, members, width]
    return outputs[where[: len(rows)]], outputs[where[len(rows) :]]


def calibrate(model: RewardModel, pairs: Pairs, held_out: HeldOutPredictions | None) -> Calibration:
    """Set the model's temperature, in its weights, and its tie parameter.

    sigma(gap) is then the probability that a wins a comparison that has a winner. Without
    held-out predictions the model is asked about the validation pairs.
    """
    if held_out is None:
        rows = pairs.holdout.validation
        # The mean over members, which is what `compare` turns into probabilities.
        gaps = model.gaps(*pair_outputs(model, pairs, rows)).mean(1)
        held_out = HeldOutPredictions(rows=rows, gaps=gaps)
    known = pairs.comparisons.where(held_out.rows)
    weights = _prompt_weights(known.prompt_id, known.weight)
    decided = known.not_tied
    # Decided pairs alone: sigma(gap) is the probability that a wins where somebody does.
    temperature = shrunk_temperature(
        held_out.gaps[decided], (known.label[decided] > 0.5).astype(float), weights[decided]
    )
    model.rescale(temperature)
    # Ties after the temperature: nu is on the scale of calibrated gaps, as `compare` uses it.
    model.tie = fit_tie(held_out.gaps / temperature, known.tie, weights)
    return Calibration(temperature=temperature, tie=model.tie)


def shrunk_temperature(gaps: Floats, labels: Floats, weights: Floats) -> float:
    """Return the temperature of held-out gaps[n] beside pseudo-comparisons that went either way."""
    if not len(gaps) or not gaps.any():
        return 1.0  # gaps that are all zero are as calibrated as they can be
    usual = float(np.sqrt(np.average(gaps**2, weights=weights)))
    # A label of 1/2 at the usual gap asks for a larger temperature, that is for less certainty.
    return fit_temperature(
        np.append(gaps, usual), np.append(labels, 0.5), np.append(weights, PSEUDO_COUNT)
    )


def _prompt_weights(prompts: NDArray[np.object_], weights: Floats) -> Floats:
    """Return weights [n] under which no prompt counts more than a few comparisons."""
    _, cluster = np.unique(prompts.astype(str), return_inverse=True)
    whole = np.bincount(cluster, weights)
    # The floor is for a prompt of which every comparison weighs nothing.
    return weights * np.minimum(1.0, MOST_OF_A_PROMPT / np.maximum(whole, 1e-12))[cluster]
