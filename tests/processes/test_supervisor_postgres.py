"""The embedded PostgreSQL: private, unprivileged, and back after a crash."""

import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from config.environment import database_config
from config.supervisor.postgres import EmbeddedPostgres
from tests.conftest import ROOT, make_data_dir

pytestmark = pytest.mark.processes


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = make_data_dir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder)
    server.start()
    yield server
    server.stop()


def test_a_cluster_takes_vectors_and_only_with_the_password(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url, autocommit=True) as db:
        db.execute("CREATE EXTENSION vector")
        assert db.execute("SELECT '[1,2]'::vector <-> '[1,4]'::vector").fetchone() == (2.0,)
        assert db.execute("SHOW listen_addresses").fetchone() == ("",)
        assert db.execute("SHOW fsync").fetchone() == ("on",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(server.password, "guess"))
    assert (server.folder / "password").stat().st_mode & 0o077 == 0
    assert server.folder.stat().st_mode & 0o077 == 0


def test_the_server_is_not_root_and_leaves_folders_above_it_as_they_are(
    server: EmbeddedPostgres, folder: Path
) -> None:
    assert server.process is not None
    assert psutil.Process(server.process.pid).uids().effective != 0
    assert folder.stat().st_mode & 0o777 == 0o711
    assert folder.stat().st_uid == os.getuid()


def test_django_reads_the_address_of_the_socket(server: EmbeddedPostgres) -> None:
    config = database_config(server.url)
    assert Path(config["HOST"]) == server.socket_folder
    assert config["PASSWORD"] == server.password


def test_committed_rows_survive_a_killed_server(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url) as db:
        db.execute("CREATE TABLE kept AS SELECT generate_series(1, 10000) AS number")
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    _start_once_the_old_sessions_are_gone(server)
    with psycopg.connect(server.url) as db:
        assert db.execute("SELECT count(*) FROM kept").fetchone() == (10000,)


def test_a_folder_too_deep_for_a_socket_works() -> None:
    base = make_data_dir()
    deep = base / ("d" * 120) / "a folder, with odd characters"
    server = EmbeddedPostgres(deep)
    try:
        server.start()
        with psycopg.connect(server.url) as db:
            assert db.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
        shutil.rmtree(base)
        shutil.rmtree(server.socket_folder)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: a folder closed to other accounts")
def test_below_a_closed_folder_the_cluster_moves_and_the_folder_stays_closed(folder: Path) -> None:
    folder.chmod(0o700)
    server = EmbeddedPostgres(folder / "var")
    try:
        server.start()
        assert (folder / "var" / "postgres").is_symlink()
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
        shutil.rmtree(server.folder)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent-death signal")
def test_the_server_ends_when_its_parent_is_killed(folder: Path) -> None:
    script = f"""
        import sys, time
        sys.path.insert(0, {str(ROOT / "platform")!r})
        from pathlib import Path
        from config.supervisor.postgres import EmbeddedPostgres
        server = EmbeddedPostgres(Path({str(folder)!r}), durable=False)
        server.start()
        print(server.process.pid, flush=True)
        time.sleep(600)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    server = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    psutil.wait_procs([server], timeout=60)
    assert not server.is_running()


def _start_once_the_old_sessions_are_gone(server: EmbeddedPostgres) -> None:
    """The sessions of a killed server hold its memory for a moment; the supervisor tries again."""
    deadline = time.monotonic() + 90
    while True:
        try:
            server.start()
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
