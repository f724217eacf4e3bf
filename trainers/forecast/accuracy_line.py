"""A benchmark that a model was not run on, from its vector; numpy only.

EmbedLLM (arXiv 2410.02223, section 4.4) regresses the accuracies of the models that were run on a
benchmark onto their vectors. There are fewer models than entries of a vector, so the regression
here is onto one number, the mean score that the embedding expects of a model on the benchmark's
questions: that ranks models well, and the line tells how hard the benchmark is beyond that.
"""

from dataclasses import dataclass

import numpy as np

from trainers.arrays import Floats
from trainers.forecast.estimate import AccuracyEstimate
from trainers.statistics.intervals import t_quantile
from trainers.statistics.logistic import sigmoid

FEWEST = 5  # models to draw the line through
ALIKE = 1e-8  # squared scores: with less between them, expectations tell nothing apart


@dataclass(frozen=True, slots=True)
class Expectation:
    """The mean score expected of a model, and its variance: how unsure its vector is."""

    mean: float
    variance: float


def expected_mean(features: Floats, offset: float, vector: Floats, spread: Floats) -> Expectation:
    """On questions of features z (n, k) of a model N(vector, spread), by the delta method."""
    scores = sigmoid(features @ vector + offset)
    slope = (scores * (1.0 - scores)) @ features / len(features)
    return Expectation(float(scores.mean()), float(slope @ spread @ slope))


@dataclass(frozen=True, slots=True)
class AccuracyLine:
    """accuracy = mean + slope * (expected - centre), from `models` of them.

    error   residual standard deviation, with two degrees of freedom spent; at least what the
            questions' number leaves to chance, which features that know the outcomes may hide
    apart   sum of squares of the expectations around their centre
    """

    mean: float
    slope: float
    centre: float
    error: float
    apart: float
    models: int

    def forecast(self, expected: Expectation) -> AccuracyEstimate:
        """For a new model: the line's own uncertainty, what it leaves open, and the vector's."""
        away = expected.mean - self.centre
        drawn = 1.0 / self.models + (away**2 / self.apart if self.slope else 0.0)
        variance = self.error**2 * (1.0 + drawn) + self.slope**2 * expected.variance
        half = t_quantile(self.models - 2) * variance**0.5
        return AccuracyEstimate(min(max(self.mean + self.slope * away, 0.0), 1.0), half)


def fit_accuracy_line(expected: Floats, scores: Floats) -> AccuracyLine:
    """Least squares of the models' mean scores (M, N) on expectations (M,), M >= `FEWEST`.

    The expectations must come from vectors that have not seen the benchmark, as that of a new model
    has not: otherwise the line is too sure of itself. NaN: not run.
    """
    accuracies = np.nanmean(scores, 1)
    chance = float(np.nanvar(scores, 1).mean()) / scores.shape[1]
    centre, mean = float(expected.mean()), float(accuracies.mean())
    x, y = expected - centre, accuracies - mean
    apart = float(x @ x)
    slope = float(x @ y) / apart if apart > ALIKE else 0.0
    left = float(np.square(y - slope * x).sum()) / (len(x) - 2)
    return AccuracyLine(mean, slope, centre, max(left, chance) ** 0.5, apart, len(x))
