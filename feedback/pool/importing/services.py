"""Import of a file: a batch a transaction, or the whole file where it must be all or nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.db import connection, transaction

from feedback.database.locks import Lock, transaction_lock
from feedback.pool.importing.batches import batch_write, in_batches
from feedback.pool.importing.limits import record_problem
from feedback.pool.importing.report import ImportReport
from feedback.pool.importing.row_ordinals import ordinals_begin
from feedback.pool.lifecycle import judgments_publish
from feedback.pool.models import (
    Comparison,
    ComparisonOrigin,
    Outcome,
    Preference,
    Response,
    Turn,
)
from trainers.data.formats import Record, Skipped, read
from trainers.progress import Progress

MANY_ROWS = 1000

OnComparisons = Callable[[Sequence[UUID]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFile:
    """What is to be read, and as what."""

    path: Path
    format: str
    profile: Path | None = None
    source: str | None = None
    limit: int | None = None

    def records(self) -> Iterator[Record | Skipped]:
        """Read the file's records from its beginning."""
        return read(
            self.path,
            format=self.format,
            profile=self.profile,
            source=self.source,
            limit=self.limit,
        )


def file_import(
    *,
    file: ImportFile,
    strict: bool = False,
    on_comparisons: OnComparisons | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file's records into the pool.

    `on_comparisons` is called with each batch's comparisons, in its transaction. The file is read
    to its end once before anything is written, so that a damaged one changes nothing; with
    `strict` neither does one with a bad row.
    """
    report = ImportReport(str(file.path), strict)
    rows = _last_row(file)
    with transaction.atomic() if strict else nullcontext():
        ordinals_begin()
        for batch in in_batches(_usable(file.records(), report)):
            with transaction.atomic():
                _one_import_at_a_time()
                comparisons = batch_write(batch, report)
                if on_comparisons is not None and comparisons:
                    on_comparisons(comparisons)
            if progress is not None:
                progress.report("import", min(report.read, rows), rows)
    if report.created.total() >= MANY_ROWS:
        _refresh_statistics()
    report.close()
    # Nobody of this site has to think again about rows of a file: they are due at once.
    transaction.on_commit(judgments_publish, robust=True)
    return report


def _last_row(file: ImportFile) -> int:
    """Return the number of the file's last row; reading up to it, a damaged file raises."""
    return max((record.row for record in file.records()), default=0) if file.path.exists() else 0


def _usable(records: Iterator[Record | Skipped], report: ImportReport) -> Iterator[Record]:
    """Yield the records that the tables can take, counting the rows they come from."""
    row = 0
    for record in records:
        if record.row != row:
            row = record.row
            report.read += 1
        problem = record if isinstance(record, Skipped) else record_problem(record)
        if problem is not None:
            report.skip(problem)
        elif not isinstance(record, Skipped):
            yield record


def _refresh_statistics() -> None:
    """Let the planner know at once what autovacuum would tell it a minute later."""
    tables = (Turn, Response, Comparison, ComparisonOrigin, Preference, Outcome)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE " + ", ".join(table._meta.db_table for table in tables))


def _one_import_at_a_time() -> None:
    """Wait for other imports' batches: what is found missing is then missing until we add it."""
    with connection.cursor() as cursor:
        # Foreign keys are checked at the end of each statement, not queued up to the commit.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    transaction_lock(Lock.IMPORT)
