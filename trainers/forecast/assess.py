"""Every model's accuracy on every benchmark of a snapshot: measured, estimated or forecast.

Measured where the model was run on nearly all questions; the interval is Wilson's, of further
questions of the kind. Estimated where it was run on some (`estimates`), forecast where on none
(`transfer`); both intervals are for what running it on all of them would give. Where an estimate
and a forecast can be had, the estimate is both, weighed by their precision.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trainers.embedding.data import Evidence
from trainers.embedding.posterior import Sightings, fit_newcomer
from trainers.embedding.score import Scorer
from trainers.forecast.benchmarks import Benchmark, read_benchmarks
from trainers.forecast.estimates import ENOUGH, KnownItems, sparse_estimates
from trainers.forecast.guesses import Guess
from trainers.forecast.reports import Accuracy, BenchmarkReport
from trainers.forecast.transfer import FEWEST, Expectation, expected_mean, fit_accuracy_line
from trainers.reliability import wilson
from trainers.snapshot import Snapshot

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEARLY_ALL = 0.9  # of the questions
MOST = 1000  # observations that a vector without the benchmark is fitted on
DIRECTIONS = 4  # of the models' vectors, as features of PromptEval's table


def benchmark_reports(
    snapshot: Snapshot, evidence: Evidence, vectors: NDArray[np.float32], scorer: Scorer
) -> list[BenchmarkReport]:
    """Of the prompts' vectors (P, d) and the embedding that was trained on the snapshot."""
    benchmarks = list(read_benchmarks(snapshot, evidence))
    if not benchmarks:
        return []
    sights = Sights(evidence, scorer.features(vectors).astype(np.float64), scorer)
    return [
        BenchmarkReport(
            source=one.source,
            topic=one.topic,
            questions=len(one.questions),
            models={scorer.models[row]: known for row, known in accuracies(one, sights)},
        )
        for one in benchmarks
    ]


def accuracies(benchmark: Benchmark, sights: "Sights") -> Iterator[tuple[int, Accuracy]]:
    """The models, by number, whose accuracy can be told; few models tell nothing of the others."""
    scores = benchmark.scores
    ran = (~np.isnan(scores)).sum(1)
    whole = ran >= NEARLY_ALL * scores.shape[1]
    guesses = _forecasts(benchmark, sights, whole)
    for row, estimate in _estimates(scores, sights.features, whole).items():
        guesses[row] = estimate.and_also(guesses[row]) if row in guesses else estimate
    for row in range(len(scores)):
        if whole[row]:
            mean = float(np.nanmean(scores[row]))
            low, high = (float(end) for end in wilson(mean, ran[row]))
            yield row, Accuracy("measured", int(ran[row]), mean, low, high)
        elif row in guesses:
            yield row, _told(scores[row], guesses[row])


def _told(scores: Floats, guess: Guess) -> Accuracy:
    """A guess, within what the scores (N,) leave possible."""
    seen = ~np.isnan(scores)
    least = float(scores[seen].sum()) / len(scores)
    most = least + float((~seen).sum()) / len(scores)
    value, low, high = (
        min(max(end, least), most)
        for end in (guess.value, guess.value - guess.half, guess.value + guess.half)
    )
    return Accuracy("estimated" if seen.any() else "forecast", int(seen.sum()), value, low, high)


def _estimates(scores: Floats, features: Floats, whole: NDArray[np.bool_]) -> dict[int, Guess]:
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
    benchmark: Benchmark, sights: "Sights", whole: NDArray[np.bool_]
) -> dict[int, Guess]:
    """Of the models that were not run on nearly all questions, from those that were."""
    known, others = np.flatnonzero(whole), np.flatnonzero(~whole)
    if len(known) < FEWEST or not len(others):
        return {}
    expected = [sights.expected(row, benchmark.questions).mean for row in known.tolist()]
    line = fit_accuracy_line(np.array(expected), benchmark.scores[known])
    return {
        row: line.forecast(sights.expected(row, benchmark.questions)) for row in others.tolist()
    }


@dataclass(frozen=True, slots=True)
class _Rows:
    """What taught a model: the prompts of its observations, in an order of no meaning."""

    prompt: Ints
    known: Floats
    score: Floats
    weight: Floats


class Sights:
    """Everything that taught an embedding, by model."""

    def __init__(self, evidence: Evidence, z: Floats, scorer: Scorer) -> None:
        """Features z (P, k) of the prompts."""
        self._z, self._scorer = z, scorer
        taught = evidence.holdout.taught
        ran, fought = evidence.outcomes.on(taught), evidence.duels.on(taught)
        score = z @ scorer.vectors.T
        columns = (
            np.concatenate([ran.model, fought.first, fought.second]),
            np.concatenate([ran.prompt, fought.prompt, fought.prompt]),
            np.concatenate(
                [
                    np.full(len(ran.model), scorer.offset),
                    -score[fought.prompt, fought.second],
                    -score[fought.prompt, fought.first],
                ]
            ),
            np.concatenate([ran.score, fought.label, 1.0 - fought.label]),
            np.concatenate([np.ones(len(ran.model)), fought.weight, fought.weight]),
        )
        mixed = np.random.default_rng(0).permutation(len(columns[0]))
        order = mixed[np.argsort(columns[0][mixed], kind="stable")]
        model, *rest = (column[order] for column in columns)
        ends = np.searchsorted(model, np.arange(len(scorer.models) + 1))
        self._rows = [_Rows(*(c[a:b] for c in rest)) for a, b in pairwise(ends.tolist())]

    @property
    def features(self) -> Floats:
        """A constant and the directions in which the models' vectors differ most, (M, f)."""
        vectors = self._scorer.vectors
        left = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)[0][:, :DIRECTIONS]
        return np.column_stack([np.ones(len(vectors)), left * np.sqrt(len(vectors))])

    def expected(self, model: int, questions: Ints) -> Expectation:
        """What a model's vector expects on questions of which it has seen none."""
        on = self._z[questions], self._scorer.offset
        rows = self._rows[model]
        free = ~np.isin(rows.prompt, questions)
        if free.all():
            vector = self._scorer.vectors[model], self._scorer.covariance[model]
            return expected_mean(*on, *vector)
        used = np.flatnonzero(free)[:MOST]
        seen = Sightings(
            self._z[rows.prompt[used]], rows.known[used], rows.score[used], rows.weight[used]
        )
        return expected_mean(*on, *fit_newcomer(seen, self._scorer.prior))
