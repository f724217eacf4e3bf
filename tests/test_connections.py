"""The pool's check of a connection: cheap while all is well, and right when it is not."""

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from config.connections import PooledConnection


@pytest.fixture
def pool(monkeypatch, database_url):
    def count(connection, query, *arguments, **options):
        asked.append(query)
        return execute(connection, query, *arguments, **options)

    asked, execute = [], psycopg.Connection.execute
    monkeypatch.setattr(psycopg.Connection, "execute", count)
    with ConnectionPool(
        database_url,
        kwargs={"autocommit": True},
        connection_class=PooledConnection,
        min_size=1,
        max_size=1,
        check=ConnectionPool.check_connection,
    ) as made:
        made.wait()
        made.asked = asked
        yield made


def session(pool):
    with pool.connection() as connection:
        return connection.execute("SELECT pg_backend_pid()").fetchone()[0]


def test_a_silent_connection_is_handed_out_unasked(pool):
    assert session(pool) == session(pool)
    assert "" not in pool.asked


def test_a_session_that_the_server_ended_is_not_handed_out(pool, database_url):
    ended = session(pool)
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [ended])
    assert session(pool) != ended
    assert "" in pool.asked


def test_what_the_server_says_besides_does_no_harm(pool, database_url):
    with pool.connection() as connection:
        pid = connection.info.backend_pid
        connection.execute("LISTEN somebody")
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("NOTIFY somebody")
    assert session(pool) == pid
