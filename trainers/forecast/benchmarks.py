"""The benchmarks in a snapshot: the questions of a source, and of each of its topics."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from trainers.arrays import Floats, Ints
from trainers.data.snapshot import Snapshot
from trainers.model_vectors.evidence import Evidence, Outcomes, known_outcomes

MIN_QUESTIONS = 20  # of a topic that make it a benchmark of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A source's questions, or those of one of its topics.

    topic      empty for the whole of a source
    questions  numbers of the evidence's prompts, [N]
    kin        all questions of the source
    scores     in [0, 1] of all models of the evidence, [M, N]; NaN where one was not run
    """

    source: str
    topic: str
    questions: Ints
    kin: Ints
    scores: Floats


def read_benchmarks(snapshot: Snapshot, evidence: Evidence) -> Iterator[Benchmark]:
    """Yield benchmarks by source, each followed by its topics where there are several.

    A topic has at least MIN_QUESTIONS.
    An outcome without a source, or from a snapshot that knows none, belongs to no benchmark.
    """
    for source, ran in _tables(snapshot, evidence):
        questions = np.unique(ran.prompt)
        scores = np.full((len(evidence.models), len(questions)), np.nan)
        # `questions` are sorted and hold every prompt that was run: the search is a look-up.
        scores[ran.model, np.searchsorted(questions, ran.prompt)] = ran.score
        yield Benchmark(source=source, topic="", questions=questions, kin=questions, scores=scores)
        for topic, inside in _topics(evidence, questions).items():
            yield Benchmark(
                source=source,
                topic=topic,
                questions=questions[inside],
                kin=questions,
                scores=scores[:, inside],
            )


def _tables(snapshot: Snapshot, evidence: Evidence) -> Iterator[tuple[str, Outcomes]]:
    """Yield the outcomes of each source with its name, in alphabetical order."""
    known = known_outcomes(snapshot)
    if "source" not in known.column_names:
        return
    # Row by row the outcomes of `evidence.outcomes`, so numbers of one are numbers of the other.
    sources = known["source"].combine_chunks().dictionary_encode()
    # -1, which numbers no source, for a row without one.
    number = sources.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    ran = evidence.outcomes
    for source, name in sorted(enumerate(sources.dictionary.to_pylist()), key=itemgetter(1)):
        rows = np.flatnonzero(number == source)
        if name:
            yield name, ran.where(rows)


def _topics(evidence: Evidence, questions: Ints) -> dict[str, Ints]:
    """Return the columns of each common topic's questions, by topic; none of a single topic."""
    columns: defaultdict[str, list[int]] = defaultdict(list)
    for column, question in enumerate(questions):
        for topic in evidence.topics[question] if evidence.topics else ():
            columns[topic].append(column)
    common = {
        topic: np.array(columns[topic])
        for topic in sorted(columns)
        if len(columns[topic]) >= MIN_QUESTIONS
    }
    return common if len(common) > 1 else {}
