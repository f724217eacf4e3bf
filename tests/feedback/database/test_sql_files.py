"""The database's own rules are those of the SQL files beside the models."""

import re
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.state import ProjectState

from feedback.database.sql_files import LoadSql, sql_digest, sql_files

DEFINED = re.compile(
    r"^CREATE OR REPLACE (?P<kind>FUNCTION|VIEW|TRIGGER) (?P<name>\w+)"
    r"(?:[^;$]*?\sON (?P<table>feedback_\w+))?",
    re.MULTILINE,
)
# Extensions own functions, too; what is left is ours.
FUNCTIONS = """
SELECT proname, pg_get_functiondef(p.oid) FROM pg_proc p
 WHERE pronamespace = 'public'::regnamespace
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
VIEWS = """
SELECT relname, pg_get_viewdef(oid) FROM pg_class
 WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace
"""
TRIGGERS = """
SELECT tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) || tgenabled::text
  FROM pg_trigger WHERE NOT tgisinternal
"""


def definitions() -> list[tuple[str, str, str]]:
    """Every rule of the database: its kind, its name (with its table), and what it says."""
    found = []
    with connection.cursor() as cursor:
        for kind, query in (("FUNCTION", FUNCTIONS), ("VIEW", VIEWS), ("TRIGGER", TRIGGERS)):
            cursor.execute(query)
            found += [(kind, name, text) for name, text in cursor.fetchall()]
    return sorted(found)


def defined(text: str) -> list[tuple[str, str]]:
    """Every rule of a file, by kind and name."""
    return [
        (each["kind"], f"{each['table']}.{each['name']}" if each["table"] else each["name"])
        for each in DEFINED.finditer(text)
    ]


@pytest.mark.django_db
def test_the_database_says_what_the_files_say() -> None:
    before = definitions()
    with connection.cursor() as cursor:
        for text in sql_files().values():
            cursor.execute(text)
    assert definitions() == before


@pytest.mark.django_db
def test_every_rule_of_the_database_stands_in_one_file() -> None:
    files = sorted(each for text in sql_files().values() for each in defined(text))
    assert files == [(kind, name) for kind, name, _text in definitions()]
    assert len(files) > 40


@pytest.mark.parametrize("path", sql_files())
def test_a_file_says_why_it_is_there_and_can_be_loaded_again(path: str) -> None:
    text = sql_files()[path]
    assert text.startswith("-- ")
    statements = re.findall(r"^(?:CREATE|ALTER|DROP|INSERT|UPDATE|DELETE)\b.*", text, re.MULTILINE)
    assert [line for line in statements if not line.startswith("CREATE OR REPLACE ")] == []


@pytest.mark.django_db
def test_a_migration_leaves_a_file_that_was_edited_since_to_a_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = "CREATE OR REPLACE VIEW feedback_of_a_test AS SELECT 2 AS two;\n"
    path = "pool/sql/rule.sql"
    monkeypatch.setattr("feedback.database.sql_files.FOLDER", tmp_path)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(edited)

    migrate(LoadSql("pool/sql/deleted.sql", sql_digest(edited)))
    migrate(LoadSql(path, sql_digest(edited.replace("2", "1"))))
    assert "feedback_of_a_test" not in {name for _kind, name, _text in definitions()}
    migrate(LoadSql(path, sql_digest(edited)))
    assert "feedback_of_a_test" in {name for _kind, name, _text in definitions()}


def migrate(operation: LoadSql) -> None:
    """Do with one operation what `manage.py migrate` does."""
    state = ProjectState()
    with connection.schema_editor() as editor:
        operation.database_forwards("feedback", editor, state, state)
