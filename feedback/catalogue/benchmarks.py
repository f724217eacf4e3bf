"""Accuracy of versions on benchmarks, as the live embedding's training found it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from feedback.registry.models import ModelVersion, Topic
from feedback.routing.posterior import live_embedding
from feedback.training.models import Checkpoint
from trainers.errors import InputError
from trainers.forecast.reports import Accuracy, BenchmarkReport, read_reports


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkLine:
    """A version's accuracy on a source's questions, or on those of one of its topics.

    `topic` is the topic's slug, empty for the whole; `questions` is how many there are.
    """

    source: str
    topic: str
    topic_name: str
    questions: int
    known: Accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkLines:
    """The benchmarks of one version, as of the training of `checkpoint`.

    `any_model`: whether some model has a benchmark, be it another one.
    """

    checkpoint: Checkpoint
    any_model: bool
    lines: Sequence[BenchmarkLine]


def benchmark_lines(version: ModelVersion) -> BenchmarkLines | None:
    """Return the version's lines by benchmark, a whole before its topics.

    None without a live embedding.
    """
    checkpoint = live_embedding()
    if checkpoint is None:
        return None
    reports = _reports(checkpoint.path, checkpoint.digest)
    of_version = [one for one in reports if version.label in one.models]
    names = dict(Topic.objects.values_list("slug", "name")) if of_version else {}
    lines = [
        BenchmarkLine(
            source=one.source,
            topic=one.topic,
            topic_name=names.get(one.topic, one.topic),
            questions=one.questions,
            known=one.models[version.label],
        )
        for one in of_version
    ]
    return BenchmarkLines(checkpoint=checkpoint, any_model=bool(reports), lines=lines)


@lru_cache(maxsize=2)
def _reports(path: str, _digest: str) -> tuple[BenchmarkReport, ...]:
    """Return the artifact's reports, kept in memory; none where its file is gone or broken."""
    try:
        return read_reports(Path(settings.DATA_DIR) / path)
    except (InputError, OSError, LookupError, TypeError):
        return ()
