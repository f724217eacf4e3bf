"""What an import did, counted while it runs."""

import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

from trainers.data.formats import Skipped
from trainers.errors import InputError

NAMED_PER_REASON = 20


@dataclass(slots=True)
class ImportReport:
    """Counts of one import; rows that are skipped are named on `log` as they come.

    With `strict` the first of them stops the import instead.
    """

    file: str
    strict: bool = False
    log: TextIO = field(default_factory=lambda: sys.stderr)
    read: int = 0
    duplicates: int = 0
    created: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    def skip(self, skipped: Skipped) -> None:
        """Count a row, or a judgment of it, that cannot be used."""
        if self.strict:
            raise InputError.at(self.file, skipped.detail, row=skipped.row, column=skipped.column)
        self.skipped[skipped.reason] += 1
        if self.skipped[skipped.reason] <= NAMED_PER_REASON:
            column = f", column {skipped.column!r}" if skipped.column else ""
            print(f"row {skipped.row}{column}: {skipped.detail}", file=self.log)

    def close(self) -> None:
        """Say how many rows were skipped without being named."""
        for reason, count in self.skipped.items():
            if count > NAMED_PER_REASON:
                print(f"… and {count - NAMED_PER_REASON} more: {reason}", file=self.log)
