"""The database of the tests: cloned from a template that is migrated once, emptied row by row.

Migrations take seconds and a template takes a tenth of one, so the first who needs a database on
a server leaves a template there, named by a digest of what made it; a cluster that holds it is kept
for the throw-away servers of later runs. TRUNCATE of all tables, which Django does after a test
that commits, rewrites hundreds of files; a test fills a few tables.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db import connection
from psycopg.sql import SQL, Identifier

from config.supervisor.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "feedback_template_"
ONE_AT_A_TIME = 0x7E57  # the advisory lock of whoever makes a template
QUIET_SECONDS = 10

TABLES = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY relname
"""
# Rows that migrations leave in every database. Nothing in the product changes them.
LEFT_BY_MIGRATIONS = {"django_migrations", "django_content_type", "auth_permission"}
BUSY = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
"""


def template_name() -> str:
    """Return a name that changes with the migrations, their SQL and the installed packages."""
    feedback = ROOT / "feedback"
    made_of = [ROOT / "requirements-dev.lock", ROOT / "platform/config/supervisor/postgres.py"]
    made_of += sorted([*feedback.glob("migrations/*.py"), *feedback.rglob("*.sql")])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in made_of))
    return PREFIX + digest.hexdigest()[:16]


def make_template(url: str) -> str:
    """Return the name of the migrated template on a server; make it where it is missing."""
    name, unfinished = template_name(), f"{PREFIX}unfinished"
    with psycopg.connect(_at(url, "postgres"), autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
        found = server.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX]
        )
        present = {row[0] for row in found}
        if name not in present:
            for outdated in present:
                server.execute(SQL("DROP DATABASE {}").format(Identifier(outdated)))
            server.execute(SQL("CREATE DATABASE {}").format(Identifier(unfinished)))
            _migrate(_at(url, unfinished))
            rename = SQL("ALTER DATABASE {} RENAME TO {}")
            server.execute(rename.format(Identifier(unfinished), Identifier(name)))
    return name


def start_server(data_dir: Path, shelf: Path) -> EmbeddedPostgres:
    """Start a throw-away server that has the template, a copy of the one that the shelf keeps."""
    kept = shelf / template_name()
    if not kept.exists():
        _keep_cluster(kept)
    server = EmbeddedPostgres(data_dir, durable=False)
    _copy_cluster(kept, server.folder)
    server.start()
    return server


def _keep_cluster(kept: Path) -> None:
    """Make a cluster with the template, and keep it in place of those that are out of date."""
    with tempfile.TemporaryDirectory(prefix="feedback-template-") as folder:
        Path(folder).chmod(0o711)  # an unprivileged PostgreSQL passes through
        server = EmbeddedPostgres(Path(folder), durable=False)
        server.start()
        try:
            make_template(server.url)
        finally:
            server.stop()
        for outdated in kept.parent.glob(f"{PREFIX}*"):
            shutil.rmtree(outdated)
        aside = kept.with_name(f"{kept.name}.{os.getpid()}")
        aside.mkdir()
        _copy_cluster(server.folder, aside)
        aside.rename(kept)


def _copy_cluster(source: Path, target: Path) -> None:
    """Copy what belongs to a cluster, with its owner."""
    parts = [str(source / name) for name in ("cluster", "password")]
    subprocess.run(["cp", "-a", *parts, str(target)], check=True)


def _at(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _migrate(url: str) -> None:
    """Migrate in a process of its own, whose sessions are over before the template is cloned."""
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"],
        env=os.environ | {"DATABASE_URL": url},
        check=True,
    )


def empty_tables() -> None:
    """Delete what a test committed, without the triggers that refuse to delete or that count.

    Only a superuser may switch triggers off. Sessions of other processes finish first, as they
    would before TRUNCATE, or their rows would appear in the next test.
    """
    with connection.cursor() as cursor:
        ends = time.monotonic() + QUIET_SECONDS
        while _is_busy(cursor):
            assert time.monotonic() < ends, "a session is still in a transaction after the test"
            time.sleep(0.02)
        cursor.execute(_find_filled())
        filled = [row[0] for row in cursor.fetchall()]
        if filled:
            deletes = "".join(f'DELETE FROM "{table}";' for table in filled)
            cursor.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {deletes} COMMIT")


def _is_busy(cursor) -> bool:
    cursor.execute(BUSY)
    return cursor.fetchone()[0] > 0


@cache
def _find_filled() -> str:
    """Return a query for the names of the tables that hold a row."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        names = [row[0] for row in cursor.fetchall()]
    return " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")"
        for name in names
        if name not in LEFT_BY_MIGRATIONS
    )
