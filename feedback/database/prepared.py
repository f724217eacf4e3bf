"""Statements that the server parses and plans once a connection, for what runs at every click.

Django's own cursors put the values into the text, so that each statement is new to the server.
Here the values travel beside it (cast them in the statement where their type is not plain), and
psycopg prepares it. The setting `prepare_threshold` allows that, and nothing else uses it.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper

M = TypeVar("M", bound=models.Model)


class _PreparedCursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **options: Any) -> "_PreparedCursor":
        return super().execute(query, params, prepare=True, **options)


def prepared_rows(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement on Django's connection, in its transaction; the rows it returns.

    Django's `connection` is looked up anew at each use, and a cursor's `description` makes an
    object of each column; neither is used here, since both cost as much as reading the rows.
    """
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    wrapper = CursorDebugWrapper if database.queries_logged else CursorWrapper
    with wrapper(_PreparedCursor(database.connection), database) as cursor:
        cursor.execute(statement, values)
        return [] if cursor.rownumber is None else cursor.fetchall()


def prepared_objects(
    sources: str, values: Mapping[str, Any], **models_of: type[models.Model]
) -> list[tuple[Any, ...]]:
    """Rows as objects of Django: `FROM` and all after it, and which alias there is which model.

    What an outer join did not find is None.
    """
    statement, kinds = _select_statement(sources, tuple(models_of.items()))
    rows = [iter(row) for row in prepared_rows(statement, values)]
    return [tuple(kind.read(row) for kind in kinds) for row in rows]


def prepared_first(model: type[M], condition: str, values: Mapping[str, Any]) -> M | None:
    """Return the first row of a table, which the condition calls `x`; None where there is none."""
    sources = f"FROM {model._meta.db_table} x WHERE {condition} LIMIT 1"
    found = prepared_objects(sources, values, x=model)
    return found[0][0] if found else None


class _Kind:
    """How an object is made of the columns of a row."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        fields = model._meta.concrete_fields
        self.names = [field.attname for field in fields]
        self.key = fields.index(model._meta.pk)
        self.columns = [str(field.column) for field in fields]
        self.converters: list[tuple[int, Callable[..., Any]]] = [
            (place, field.from_db_value)
            for place, field in enumerate(fields)
            if hasattr(field, "from_db_value")
        ]

    def read(self, row: Iterator[Any]) -> models.Model | None:
        """Return an object of the row's next columns, as Django's own queries make it."""
        values = list(islice(row, len(self.names)))
        if values[self.key] is None:
            return None
        for place, convert in self.converters:
            values[place] = convert(values[place], None, connection)
        return self.model.from_db(DEFAULT_DB_ALIAS, self.names, values)


@cache
def _select_statement(
    sources: str, models_of: tuple[tuple[str, type[models.Model]], ...]
) -> tuple[str, list[_Kind]]:
    kinds = {alias: _Kind(model) for alias, model in models_of}
    columns = [f"{alias}.{name}" for alias, kind in kinds.items() for name in kind.columns]
    return f"SELECT {', '.join(columns)} {sources}", list(kinds.values())


def prepared_insert(row: models.Model) -> bool:
    """Insert a row, unless one that is there forbids it; whether it was inserted."""
    database = connections[DEFAULT_DB_ALIAS]
    values = {
        str(field.column): field.get_db_prep_save(field.pre_save(row, add=True), database)
        for field in row._meta.concrete_fields
    }
    return bool(prepared_rows(_insert_statement(type(row)), values))


@cache
def _insert_statement(model: type[models.Model]) -> str:
    columns = [str(field.column) for field in model._meta.concrete_fields]
    places = ", ".join(f"%({column})s" for column in columns)
    table = model._meta.db_table
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - constants
        " ON CONFLICT DO NOTHING RETURNING 1"
    )
