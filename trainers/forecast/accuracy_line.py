"""Forecast a benchmark that a model was not run on from its vector; numpy only.

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

MIN_MODELS_OF_LINE = 5  # to draw the line through: two are its parameters
MIN_SPREAD = 1e-8  # squared scores: with less between them, expectations tell nothing apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The mean score expected of a model, and its variance: how unsure its vector is."""

    mean: float
    variance: float


def expected_mean(features: Floats, offset: float, vector: Floats, spread: Floats) -> Expectation:
    """Return the expectation on questions z [n, k] of a model N(vector [k], spread [k, k]).

    By the delta method: the mean score is linearised around the mean vector.
    """
    scores = sigmoid(features @ vector + offset)
    # The mean score's derivative by the vector is the mean of σ' z, [k].
    gradient = (scores * (1.0 - scores)) @ features / len(features)
    return Expectation(mean=float(scores.mean()), variance=float(gradient @ spread @ gradient))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyLine:
    """accuracy = mean + slope * (expected - centre), from `models` of them.

    error           residual standard deviation, with two degrees of freedom spent; at least what
                    the questions' number leaves to chance, which features that know the outcomes
                    may hide
    sum_of_squares  of the expectations around their centre
    """

    mean: float
    slope: float
    centre: float
    error: float
    sum_of_squares: float
    models: int

    def forecast(self, expected: Expectation) -> AccuracyEstimate:
        """Return the prediction for a new model, with the interval of a new observation.

        Three uncertainties add up: the line's own (Draper & Smith, "Applied Regression Analysis",
        section 1.4), what it leaves open, and that of the model's vector.
        """
        deviation = expected.mean - self.centre
        # A flat line has no slope to be unsure of; without spread there is nothing to divide by.
        of_slope = deviation**2 / self.sum_of_squares if self.slope else 0.0
        of_line = 1.0 / self.models + of_slope
        variance = self.error**2 * (1.0 + of_line) + self.slope**2 * expected.variance
        return AccuracyEstimate(
            value=min(max(self.mean + self.slope * deviation, 0.0), 1.0),
            half_width=t_quantile(self.models - 2) * variance**0.5,
        )


def fit_accuracy_line(expected: Floats, scores: Floats) -> AccuracyLine:
    """Fit the models' mean scores [M, N] on expectations [M] by least squares, M >= 5.

    The expectations must come from vectors that have not seen the benchmark, as that of a new model
    has not: otherwise the line is too sure of itself. NaN: not run.
    """
    accuracies = np.nanmean(scores, 1)
    # The variance of a mean over N questions, on average over models.
    chance = float(np.nanvar(scores, 1).mean()) / scores.shape[1]
    centre, mean = float(expected.mean()), float(accuracies.mean())
    # Centred: slope and mean are then estimated independently, and their variances add up.
    x, y = expected - centre, accuracies - mean
    spread = float(x @ x)
    slope = float(x @ y) / spread if spread > MIN_SPREAD else 0.0
    # Slope and mean are two parameters of the same models.
    residual = float(np.square(y - slope * x).sum()) / (len(x) - 2)
    return AccuracyLine(
        mean=mean,
        slope=slope,
        centre=centre,
        error=max(residual, chance) ** 0.5,
        sum_of_squares=spread,
        models=len(x),
    )
