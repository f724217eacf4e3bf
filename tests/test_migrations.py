"""Migrations stand on their own: later changes of the code leave what an old one does as it was."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader

from feedback.database.sql_files import LoadSql, sql_digest, sql_files
from tests.conftest import ROOT

MIGRATIONS = sorted((ROOT / "feedback" / "migrations").glob("[0-9]*.py"))
LIBRARIES = {"django", "pgvector"}
OURS = {
    "feedback.database.sql_files": "loads a SQL file, and only as it was: by its digest",
    "feedback.identifiers": "defaults of keys, which a migration names as Django writes them",
}


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_a_migration_imports_no_code_that_changes(path: Path) -> None:
    allowed = LIBRARIES | sys.stdlib_module_names
    live = {
        name
        for name in imported(path)
        if name.partition(".")[0] not in allowed and name not in OURS
    }
    assert live == set(), "write into the migration what it needs of these"


def test_every_sql_file_is_loaded_as_it_is_by_a_migration() -> None:
    migrations = MigrationLoader(None).disk_migrations.values()
    loaded = {
        (operation.path, operation.digest)
        for migration in migrations
        for operation in migration.operations
        if isinstance(operation, LoadSql)
    }
    lacking = [
        f'LoadSql("{path}", "{digest}"),'
        for path, text in sql_files().items()
        if (path, digest := sql_digest(text)) not in loaded
    ]
    assert "\n".join(lacking) == "", "a new migration has to have these operations"


def test_remarks_on_a_rule_need_no_migration() -> None:
    rule = "CREATE VIEW v AS\nSELECT 1;\n"
    assert sql_digest(f"-- Why.\n\n{rule}") == sql_digest(f"{rule}\n-- Why not?\n")
    assert sql_digest(rule) != sql_digest(rule.replace("1", "2"))
    assert sql_digest(rule) != sql_digest(rule.replace("SELECT", "  -- one\nSELECT"))
