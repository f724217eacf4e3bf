"""SQL files beside the models, which hold the database's own rules, and how migrations load them.

`feedback/DOMAIN/sql/RULE.sql` is always today's whole rule: its functions, views and triggers,
each with CREATE OR REPLACE (decision 0014). To change a rule, edit its file and write a migration
that loads it again; a test says so until there is one, and gives the line to write.
"""

import hashlib
import re
from pathlib import Path

from django.db.migrations import RunSQL

FOLDER = Path(__file__).parents[1]
_REMARKS = re.compile(r"^(--.*)?\n", re.MULTILINE)  # comments at the margin, and empty lines


def sql_files() -> dict[str, str]:
    """Return the text of every SQL file, by its path below `feedback/`."""
    files = sorted(FOLDER.glob("*/**/sql/*.sql"))
    return {path.relative_to(FOLDER).as_posix(): path.read_text() for path in files}


def sql_digest(text: str) -> str:
    """Return 16 hexadecimal digits that tell one rule from another, whatever is remarked on it."""
    return hashlib.sha256(_REMARKS.sub("", text).encode()).hexdigest()[:16]


class LoadSql(RunSQL):
    """Load a SQL file, unless it has been edited or deleted since: a later migration sees to that.

    A migration that loaded whatever the file says by now would, in a new database, create a rule
    before the columns which that rule reads. So the migration names the digest of what it was
    written to load. Until the later migration comes, the rule of an earlier one holds. Backwards
    nothing is done: the text before is in git's history alone.
    """

    def __init__(self, path: str, digest: str) -> None:
        text = sql_files().get(path, "")
        super().__init__(text if sql_digest(text) == digest else RunSQL.noop, RunSQL.noop)
        self.path = path
        self.digest = digest

    def deconstruct(self) -> tuple[str, list[str], dict[str, str]]:
        """Return what a squashed migration writes: the path and the digest, never the text."""
        return type(self).__name__, [self.path, self.digest], {}

    def describe(self) -> str:
        """Return what `migrate --plan` shows."""
        return f"Load {self.path}"
