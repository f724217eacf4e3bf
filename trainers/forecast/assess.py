"""Every model's accuracy on every benchmark of a snapshot: measured, estimated or forecast.

Measured where the model was run on nearly all questions; the interval is Wilson's, of further
questions of the kind. Estimated where it was run on some (`estimates`), forecast where on none
(`transfer`); both intervals are for what running it on all of them would give. Where an estimate
and a forecast can be had, the estimate is both, weighed by their precision.
"""

from collections.abc import Iterator

import numpy as np

from trainers.arrays import Bools, Floats, Floats32, Ints
from trainers.data.snapshot import Snapshot
from trainers.forecast.accuracy_line import MIN_MODELS_OF_LINE, fit_accuracy_line
from trainers.forecast.benchmarks import Benchmark, read_benchmarks
from trainers.forecast.estimate import AccuracyEstimate
from trainers.forecast.leave_out import LeaveOutVectors
from trainers.forecast.partial_runs import MIN_MODELS, KnownItems, sparse_estimates
from trainers.forecast.reports import Accuracy, BenchmarkReport
from trainers.model_vectors.evidence import Evidence
from trainers.model_vectors.scorer import Scorer
from trainers.statistics.intervals import wilson

NEARLY_ALL = 0.9  # of the questions


def benchmark_reports(
    snapshot: Snapshot, evidence: Evidence, vectors: Floats32, scorer: Scorer
) -> list[BenchmarkReport]:
    """Return the accuracies of the models on every benchmark of the snapshot.

    vectors: [P, d] of the prompts; scorer: the embedding that was trained on the snapshot.
    """
    benchmarks = list(read_benchmarks(snapshot, evidence))
    if not benchmarks:
        return []
    observed = LeaveOutVectors(evidence, scorer.features(vectors).astype(np.float64), scorer)
    return [
        BenchmarkReport(
            source=one.source,
            topic=one.topic,
            questions=len(one.questions),
            models={scorer.models[row]: known for row, known in accuracies(one, observed)},
        )
        for one in benchmarks
    ]


def accuracies(benchmark: Benchmark, observed: LeaveOutVectors) -> Iterator[tuple[int, Accuracy]]:
    """Yield (number of the model, accuracy) of those that can be measured, estimated or forecast.

    Where few models were run, nothing can be said of the others: they are left out.
    """
    scores = benchmark.scores
    ran = (~np.isnan(scores)).sum(1)  # [M]
    whole = ran >= NEARLY_ALL * scores.shape[1]
    expected = _forecasts(benchmark, observed, whole)
    for row, estimate in _estimates(scores, observed.features, whole).items():
        # Nearly independent: the forecast comes from vectors without this benchmark.
        expected[row] = estimate.combine(expected[row]) if row in expected else estimate
    for row in range(len(scores)):
        if whole[row]:
            mean = float(np.nanmean(scores[row]))
            low, high = (float(end) for end in wilson(mean, ran[row]))
            yield (
                row,
                Accuracy(how="measured", n=int(ran[row]), accuracy=mean, low=low, high=high),
            )
        elif row in expected:
            yield row, _within_possible(scores[row], expected[row])


def _within_possible(scores: Floats, estimate: AccuracyEstimate) -> Accuracy:
    """Return an estimate cut to what the scores [N] leave possible.

    The least is had where all unseen questions are failed, the most where all are passed.
    """
    seen = ~np.isnan(scores)
    least = float(scores[seen].sum()) / len(scores)
    most = least + float((~seen).sum()) / len(scores)
    half = estimate.half_width
    value, low, high = (
        min(max(end, least), most)
        for end in (estimate.value, estimate.value - half, estimate.value + half)
    )
    return Accuracy(
        how="estimated" if seen.any() else "forecast",
        n=int(seen.sum()),
        accuracy=value,
        low=low,
        high=high,
    )


def _estimates(scores: Floats, features: Floats, whole: Bools) -> dict[int, AccuracyEstimate]:
    """Return the estimates of models that were run on some questions, by their number."""
    partly = np.flatnonzero(~whole & ~np.isnan(scores).all(1)).tolist()
    if not partly:
        return {}
    if whole.sum() >= MIN_MODELS:
        items = KnownItems(scores[whole])
        return {row: items.estimate(scores[row]) for row in partly}
    sparse = sparse_estimates(scores, features)
    return {row: sparse[row] for row in partly}


def _forecasts(
    benchmark: Benchmark, observed: LeaveOutVectors, whole: Bools
) -> dict[int, AccuracyEstimate]:
    """Return the forecasts of models that were not run on nearly all questions, by number.

    A model that was run on other topics of the source is forecast by vectors without this topic,
    one that met none of the source by vectors without any of it: a line through models that know
    the rest of it would be too sure of one that does not.
    """
    known, others = np.flatnonzero(whole), np.flatnonzero(~whole)
    if len(known) < MIN_MODELS_OF_LINE:
        return {}
    new = np.array([observed.is_new_to(row, benchmark.kin) for row in others.tolist()], bool)
    found: dict[int, AccuracyEstimate] = {}
    for group, hidden in ((others[~new], benchmark.questions), (others[new], benchmark.kin)):
        if len(group):
            found |= _by_line(benchmark, observed, known, group, hidden)
    return found


def _by_line(
    benchmark: Benchmark, observed: LeaveOutVectors, known: Ints, group: Ints, hidden: Ints
) -> dict[int, AccuracyEstimate]:
    """Return forecasts of a group by a line through the known models, all without `hidden`.

    The line's models are held to what the group knows of the source: expectations are comparable
    only between vectors that lack the same questions.
    """
    questions = benchmark.questions
    expected = [observed.expected(row, questions, hidden).mean for row in known.tolist()]
    line = fit_accuracy_line(np.array(expected), benchmark.scores[known])
    return {row: line.forecast(observed.expected(row, questions, hidden)) for row in group.tolist()}
