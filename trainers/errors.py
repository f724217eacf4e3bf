"""The one error a user can put right: input that cannot be used."""

from pathlib import Path


class InputError(Exception):
    """Unusable input; the message says what is wrong and where. Exit status 2."""

    @classmethod
    def at(
        cls,
        path: Path | str,
        problem: str,
        *,
        row: int | None = None,
        column: str | None = None,
    ) -> "InputError":
        """Return an error that names the file and, where known, the row and the column."""
        where = str(path)
        if row is not None:
            where += f", row {row}"
        if column is not None:
            where += f", column {column!r}"
        return cls(f"{where}: {problem}")
