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
from trainers.forecast.accuracy_line import FEWEST, fit_accuracy_line
from trainers.forecast.benchmarks import Benchmark, read_benchmarks
from trainers.forecast.estimate import AccuracyEstimate
from trainers.forecast.leave_out import LeaveOutVectors
from trainers.forecast.partial_runs import ENOUGH, KnownItems, sparse_estimates
from trainers.forecast.reports import Accuracy, BenchmarkReport
from trainers.model_vectors.evidence import Evidence
from trainers.model_vectors.scorer import Scorer
from trainers.statistics.intervals import wilson

NEARLY_ALL = 0.9  # of the questions


def benchmark_reports(
    snapshot: Snapshot, evidence: Evidence, vectors: Floats32, scorer: Scorer
) -> list[BenchmarkReport]:
    """Of the prompts' vectors (P, d) and the embedding that was trained on the snapshot."""
    benchmarks = list(read_benchmarks(snapshot, evidence))
    if not benchmarks:
        return []
    sights = LeaveOutVectors(evidence, scorer.features(vectors).astype(np.float64), scorer)
    return [
        BenchmarkReport(
            source=one.source,
            topic=one.topic,
            questions=len(one.questions),
            models={scorer.models[row]: known for row, known in accuracies(one, sights)},
        )
        for one in benchmarks
    ]


def accuracies(benchmark: Benchmark, sights: LeaveOutVectors) -> Iterator[tuple[int, Accuracy]]:
    """The models, by number, whose accuracy can be told; few models tell nothing of the others."""
    scores = benchmark.scores
    ran = (~np.isnan(scores)).sum(1)
    whole = ran >= NEARLY_ALL * scores.shape[1]
    guesses = _forecasts(benchmark, sights, whole)
    for row, estimate in _estimates(scores, sights.features, whole).items():
        guesses[row] = estimate.combine(guesses[row]) if row in guesses else estimate
    for row in range(len(scores)):
        if whole[row]:
            mean = float(np.nanmean(scores[row]))
            low, high = (float(end) for end in wilson(mean, ran[row]))
            yield row, Accuracy("measured", int(ran[row]), mean, low, high)
        elif row in guesses:
            yield row, _told(scores[row], guesses[row])


def _told(scores: Floats, guess: AccuracyEstimate) -> Accuracy:
    """A guess, within what the scores (N,) leave possible."""
    seen = ~np.isnan(scores)
    least = float(scores[seen].sum()) / len(scores)
    most = least + float((~seen).sum()) / len(scores)
    value, low, high = (
        min(max(end, least), most)
        for end in (guess.value, guess.value - guess.half, guess.value + guess.half)
    )
    return Accuracy("estimated" if seen.any() else "forecast", int(seen.sum()), value, low, high)


def _estimates(scores: Floats, features: Floats, whole: Bools) -> dict[int, AccuracyEstimate]:
    """Of the models that were run on some questions."""
    partly = np.flatnonzero(~whole & ~np.isnan(scores).all(1)).tolist()
    if not partly:
        return {}
    if whole.sum() >= ENOUGH:
        items = KnownItems(scores[whole])
        return {row: items.estimate(scores[row]) for row in partly}
    guesses = sparse_estimates(scores, features)
    return {row: guesses[row] for row in partly}


def _forecasts(
    benchmark: Benchmark, sights: LeaveOutVectors, whole: Bools
) -> dict[int, AccuracyEstimate]:
    """Of the models that were not run on nearly all questions, from those that were.

    Whoever was run on other topics of the source is told by vectors without this topic, whoever met
    none of the source by vectors without any of it: a line through models that know the rest of it
    would be too sure of one that does not.
    """
    known, others = np.flatnonzero(whole), np.flatnonzero(~whole)
    if len(known) < FEWEST:
        return {}
    strange = np.array([sights.is_new_to(row, benchmark.kin) for row in others.tolist()], bool)
    guesses: dict[int, AccuracyEstimate] = {}
    for group, hidden in (
        (others[~strange], benchmark.questions),
        (others[strange], benchmark.kin),
    ):
        if len(group):
            guesses |= _by_line(benchmark, sights, known, group, hidden)
    return guesses


def _by_line(
    benchmark: Benchmark, sights: LeaveOutVectors, known: Ints, group: Ints, hidden: Ints
) -> dict[int, AccuracyEstimate]:
    """Of a group that knows no more of the source than the line's models, without `hidden`, do."""
    questions = benchmark.questions
    expected = [sights.expected(row, questions, hidden).mean for row in known.tolist()]
    line = fit_accuracy_line(np.array(expected), benchmark.scores[known])
    return {row: line.forecast(sights.expected(row, questions, hidden)) for row in group.tolist()}
