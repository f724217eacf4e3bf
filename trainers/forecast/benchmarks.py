"""The benchmarks in a snapshot: the questions of a source, and of each of its topics."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.data.snapshot import Snapshot
from trainers.model_vectors.evidence import Evidence, Outcomes, known_outcomes

LEAST = 20  # questions of a topic that make it a benchmark of its own


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`scores` (M, N) in [0, 1] of all models on `questions` (N,); NaN where one was not run.

    `topic` is empty for the whole of a source; `kin` are all questions of the source. Models and
    questions are numbers of the evidence.
    """

    source: str
    topic: str
    questions: Ints
    kin: Ints
    scores: Floats


def read_benchmarks(snapshot: Snapshot, evidence: Evidence) -> Iterator[Benchmark]:
    """By source; a source's topics follow it where there are several of at least `LEAST`.

    An outcome without a source, or from a snapshot that knows none, belongs to no benchmark.
    """
    for source, ran in _tables(snapshot, evidence):
        questions = np.unique(ran.prompt)
        scores = np.full((len(evidence.models), len(questions)), np.nan)
        scores[ran.model, np.searchsorted(questions, ran.prompt)] = ran.score
        yield Benchmark(source, "", questions, questions, scores)
        for topic, inside in _topics(evidence, questions).items():
            yield Benchmark(source, topic, questions[inside], questions, scores[:, inside])


def _tables(snapshot: Snapshot, evidence: Evidence) -> Iterator[tuple[str, Outcomes]]:
    """The outcomes of each source, by its name."""
    known = known_outcomes(snapshot)
    if "source" not in known.column_names:
        return
    sources = known["source"].combine_chunks().dictionary_encode()
    number = sources.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    ran = evidence.outcomes
    for source, name in sorted(enumerate(sources.dictionary.to_pylist()), key=itemgetter(1)):
        rows = np.flatnonzero(number == source)
        if name:
            yield name, ran.where(rows)


def _topics(evidence: Evidence, questions: Ints) -> dict[str, Ints]:
    """The places of each common topic's questions, by topic; none where all are of one topic."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        for topic in evidence.topics[question] if evidence.topics else ():
            places[topic].append(place)
    common = {
        topic: np.array(places[topic]) for topic in sorted(places) if len(places[topic]) >= LEAST
    }
    return common if len(common) > 1 else {}
