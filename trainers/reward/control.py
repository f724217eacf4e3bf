"""What the reward must not reward: length and layout, told apart from what is preferred for itself.

Two steps. A logistic regression of the training labels on the differences of the controlled
features alone gives what they add to the logit of a win; while training, the gap is shown with
that much added, so that the reward need not explain it, and a scorer never adds it. Where asked,
the objective also penalises what correlation with them is left.
"""

from typing import Final

import numpy as np
import torch

from trainers.arrays import Floats
from trainers.objectives.pairwise import Objective, Targets
from trainers.reward.config import RewardConfig
from trainers.reward.data import Pairs
from trainers.reward.surface import SURFACE_FEATURES, surface_features
from trainers.statistics.logistic import sigmoid

LENGTH: Final = ("log_characters", "log_words", "log_lines", "log_sentences")
LAYOUT: Final = ("code_share", "log_list_items", "log_headings", "log_bold")
CONTROLLED: Final = {"none": (), "length": LENGTH, "style": LENGTH + LAYOUT}
RIDGE = 1e-3  # of the regression: a feature that never differs gets no coefficient
NEWTON_STEPS = 25


def objective_and_targets(pairs: Pairs, config: RewardConfig) -> tuple[Objective, Targets]:
    """Return the objective of a config on some pairs, and what is known of each pair."""
    control = controlled_features(pairs, config)
    targets = pairs.targets(control, config.loss.margin)
    train = pairs.holdout.train
    offset = None
    if config.loss.control != "none":
        rows = (control[pairs.first] - control[pairs.second])[train]  # [train, c]
        known = pairs.comparisons
        offset = torch.from_numpy(logistic(rows, known.label[train], known.weight[train])).float()
    return (
        Objective(
            scaling=config.scaling if config.loss.type != "bradley_terry" else None,
            nu=_tie_parameter(pairs) if config.loss.ties == "davidson" else 0.0,
            offset=offset,
            decorrelate=config.loss.decorrelation,
        ),
        targets,
    )


def controlled_features(pairs: Pairs, config: RewardConfig) -> Floats:
    """Return the controlled features of every answer, [answers, c].

    Of unit spread on the answers of the training split.
    """
    names = CONTROLLED[config.loss.control]
    if not names:
        return np.zeros((len(pairs.answers), 0))
    columns = [SURFACE_FEATURES.index(name) for name in names]
    # The prompt is not read: its only feature, the overlap, is none of the controlled ones.
    rows = [surface_features("", answer.text)[columns] for answer in pairs.answers]
    values = np.array(rows, np.float64)
    scale: Floats = values[pairs.training_answers].std(0)
    # A feature that hardly varies must not be blown up to unit spread.
    return values / np.maximum(scale, 1e-3)


def logistic(rows: Floats, labels: Floats, weights: Floats) -> Floats:
    """Return the coefficients [c] of labels[n] in [0, 1] on rows[n, c]: ridge, by Newton's method.

    Without an intercept: swapping the sides of a pair must change the sign of its logit.
    """
    found = np.zeros(rows.shape[1])
    # Of sum 1, so that the ridge means the same for any number of pairs.
    weights = weights / weights.sum()
    for _ in range(NEWTON_STEPS):
        chance = sigmoid(rows @ found)  # [n]
        slope = rows.T @ (weights * (chance - labels)) + RIDGE * found  # [c]
        hessian = (rows * (weights * chance * (1.0 - chance))[:, None]).T @ rows  # [c, c]
        found = found - np.linalg.solve(hessian + RIDGE * np.eye(len(found)), slope)
    return found


def _tie_parameter(pairs: Pairs) -> float:
    """Return Davidson's nu that gives answers of equal reward the training share of ties.

    At a gap of zero P(tie) = nu / (2 + nu).
    """
    rows, known = pairs.holdout.train, pairs.comparisons
    share = float(np.average(known.tie[rows], weights=known.weight[rows]))
    # That equation solved for nu. Floors: the loss takes log nu, and all may be ties.
    return max(1e-3, 2.0 * share / max(1e-3, 1.0 - share))
