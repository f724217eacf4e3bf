"""How good predictions are: weighted measures of probabilities against soft labels; numpy only.

Logits, labels in [0, 1] and weights are arrays (n,); every measure is a weighted mean or a ratio of
weighted sums, so that a bootstrap is a change of weights.
"""

from collections.abc import Callable, Mapping

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.statistics.intervals import wilson
from trainers.statistics.logistic import sigmoid

RESAMPLES = 1000
# A bootstrap over so few prompts says next to nothing about another prompt; below this the rows are
# resampled instead, and `ci_by` says so.
MIN_CLUSTERS = 5
ECE_BINS = 10


def mean(values: Floats, weights: Floats) -> float:
    """Return the sum of w x over the sum of w."""
    return float(values @ weights / weights.sum())


def cluster_means(
    values: Mapping[str, Floats], cluster: Ints
) -> Callable[[Floats], dict[str, float]]:
    """Return means of rows [n] by name as a function of the weights of their clusters.

    Each cluster's sum is taken once, so that a resample costs its clusters and not its rows.
    """
    counts = np.bincount(cluster).astype(np.float64)
    sums = np.stack([np.bincount(cluster, rows) for rows in values.values()])

    def means(weights: Floats) -> dict[str, float]:
        return dict(zip(values, map(float, sums @ weights / (counts @ weights)), strict=True))

    return means


def row_log_loss(logits: Floats, labels: Floats) -> Floats:
    """Return the cross-entropy in nats of each soft label, [n]: log(1 + e^s) - y s."""
    return np.logaddexp(0.0, logits) - labels * logits


def row_accuracy(logits: Floats, labels: Floats) -> Floats:
    """Return the expected accuracy of predicting the likelier side, [n]; 1/2 at a logit of 0."""
    return np.where(logits == 0, 0.5, np.where(logits > 0, labels, 1.0 - labels))


def outcome_probabilities(gaps: Floats, nu: float) -> Floats:
    """P(a), P(b) and P(tie), (n, 3), under Davidson's model: e^(d/2) : e^(-d/2) : nu.

    With nu = 0 there is no tie; of the decided outcomes a always has sigma(d).
    """
    # All three are multiplied by e^(-|d| / 2): no exponent is positive, their ratios stay.
    half = 0.5 * np.abs(gaps)
    # [3, n]: a, b, tie
    shares = np.stack([np.exp(0.5 * gaps - half), np.exp(-0.5 * gaps - half), nu * np.exp(-half)])
    probabilities: Floats = (shares / shares.sum(0)).T
    return probabilities


def auc(scores: Floats, labels: Floats) -> Callable[[Floats], float]:
    """Return the area under the ROC curve as a function of the weights: sorting is done once.

    P(score of a positive > score of a negative) + half of P(equal) (Mann–Whitney); a soft label y
    is a positive of weight y and a negative of 1 - y. One half where one class is absent.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    # Of each score, how many lie below it (`first`), and how many below or level (`last`).
    first = np.searchsorted(ranked, ranked, side="left")
    last = np.searchsorted(ranked, ranked, side="right")

    def area(weights: Floats) -> float:
        positive, negative = (weights * labels)[order], (weights * (1.0 - labels))[order]
        # below[i]: the weight of negatives among the i lowest scores.
        below = np.concatenate([[0.0], np.cumsum(negative)])
        # The mean of "below" and "at or below" counts an equal negative as half won.
        won = positive @ (0.5 * (below[first] + below[last]))
        whole = positive.sum() * negative.sum()
        return float(won / whole) if whole > 0 else 0.5

    return area


def calibration_error(logits: Floats, labels: Floats, weights: Floats) -> float:
    """Return the expected calibration error of the likelier side, in 10 bins of confidence.

    Sum over bins of |weighted accuracy - weighted mean confidence| x share (Guo et al., 2017).
    """
    confidence, bins = _confidence_bins(logits)
    # Signed until a bin is summed: only the errors of different bins must not cancel.
    excess = weights * (row_accuracy(logits, labels) - confidence)
    return float(np.abs(np.bincount(bins, excess, ECE_BINS)).sum() / weights.sum())


def calibration_bins(logits: Floats, labels: Floats) -> list[dict[str, float]]:
    """Return the bins of `calibration_error` that hold a row, as JSON.

    `low` and `high` are Wilson's 95 % interval of the accuracy.
    """
    confidence, bins = _confidence_bins(logits)
    right = row_accuracy(logits, labels)
    found = []
    for number in np.unique(bins):
        inside = bins == number
        n, share = float(inside.sum()), float(right[inside].mean())
        low, high = (float(end) for end in wilson(share, n))
        row = {"n": n, "confidence": float(confidence[inside].mean()), "accuracy": share}
        found.append(row | {"low": low, "high": high})
    return found


def _confidence_bins(logits: Floats) -> tuple[Floats, Ints]:
    """Return the probability of the likelier side [n], in [1/2, 1], and the number of its bin."""
    # The exponent is never positive, so nothing overflows.
    confidence = 1.0 / (1.0 + np.exp(-np.abs(logits)))
    # Confidence starts at 1/2, so the bins divide [1/2, 1].
    bins = (2 * ECE_BINS * (confidence - 0.5)).astype(np.int64)
    return confidence, np.minimum(bins, ECE_BINS - 1)  # certainty itself belongs to the last bin


def fit_temperature(gaps: Floats, labels: Floats, weights: Floats) -> float:
    """Return the T in [1e-3, 1e3] that minimises the log-loss of sigma(gap / T), by bisection.

    The loss is convex in the inverse temperature b, with derivative sum w (sigma(b d) - y) d.
    Gaps that say nothing, or the opposite of the labels, get the largest T: probabilities of 1/2.
    """
    low, high = -np.log(1e3), np.log(1e3)
    # Sixty halvings of 13.8 nats: to the last bit of a float64.
    for _ in range(60):
        middle = 0.5 * (low + high)
        # Searched in log b: the bounds 1e-3 and 1e3 then lie as far from b = 1.
        probability = sigmoid(np.exp(middle) * gaps)
        # ">=": where gaps say nothing the derivative is nil everywhere, and b goes to its least.
        rising = (weights * (probability - labels) * gaps).sum() >= 0
        low, high = (low, middle) if rising else (middle, high)
    return float(np.exp(-0.5 * (low + high)))  # T = 1 / b


def fit_tie(gaps: Floats, ties: Floats, weights: Floats) -> float:
    """Return Davidson's nu that maximises the likelihood of ties at known gaps, by bisection.

    The log-likelihood is concave in log nu, with derivative sum w (tie - P(tie | gap, nu)); in
    [1e-4, 1e4], the lower end where nothing was tied.
    """
    low, high = np.log(1e-4), np.log(1e4)
    for _ in range(60):
        middle = 0.5 * (low + high)
        expected = outcome_probabilities(gaps, float(np.exp(middle)))[:, 2]
        # More ties expected than seen: nu is too large.
        low, high = (low, middle) if (weights * (expected - ties)).sum() >= 0 else (middle, high)
    return float(np.exp(0.5 * (low + high)))


def bootstrap_intervals(
    statistics: Callable[[Floats], Mapping[str, float]],
    clusters: Ints,
    *,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Return 95 % percentile intervals of statistics, from 1000 resamples of clusters.

    statistics: a function of the rows' weights [n]. clusters: [n], the number of each row's
    cluster, from 0 without gaps.
    """
    rng = np.random.default_rng(seed)
    count = int(clusters.max()) + 1
    if count < MIN_CLUSTERS:
        count, clusters = len(clusters), np.arange(len(clusters))
    drawn: dict[str, list[float]] = {}
    for _ in range(RESAMPLES):
        # A resample is a weight of each cluster: rows are never copied.
        times = np.bincount(rng.integers(0, count, count), minlength=count)
        for name, value in statistics(times[clusters].astype(np.float64)).items():
            drawn.setdefault(name, []).append(value)
    return {
        name: (float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975)))
        for name, values in drawn.items()
    }


def with_intervals(
    statistics: Callable[[Floats], Mapping[str, float]],
    clusters: Ints,
    *,
    seed: int = 0,
) -> dict[str, float | list[float] | str]:
    """Return the statistics at equal weights, each with its `<name>_ci`, and what was resampled."""
    values = statistics(np.ones(len(clusters)))
    intervals = bootstrap_intervals(statistics, clusters, seed=seed)
    few = int(clusters.max()) + 1 < MIN_CLUSTERS
    return {
        **values,
        **{f"{name}_ci": list(interval) for name, interval in intervals.items()},
        "ci_by": "row" if few else "prompt",
    }
