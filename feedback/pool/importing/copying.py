"""Inserting many rows by COPY: half the time of INSERT, and triggers see one statement."""

import json
from collections.abc import Callable, Iterable
from typing import Any, cast

import psycopg
from django.db import connection, models
from psycopg import sql


def rows_copy(model: type[models.Model], rows: Iterable[models.Model]) -> None:
    """Insert rows; the caller has made sure that they break no constraint."""
    fields = model._meta.concrete_fields
    prepare = [_prepare(field) for field in fields]
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table),
        sql.SQL(", ").join([sql.Identifier(field.attname) for field in fields]),
    )
    with connection.cursor() as cursor:
        raw = cast("psycopg.Cursor[Any]", cursor.cursor)
        with raw.copy(command) as copy:
            for row in rows:
                copy.write_row([value_of(row) for value_of in prepare])


def _prepare(field: "models.Field[Any, Any]") -> Callable[[models.Model], Any]:
    """Return how a field's value is read from a row and handed to psycopg."""
    name = field.attname
    if isinstance(field, models.JSONField):
        return lambda row: None if (v := getattr(row, name)) is None else json.dumps(v)
    if isinstance(field, models.CharField):
        return lambda row: str(getattr(row, name))  # a choice is its value
    if isinstance(field, models.DateTimeField):
        return lambda row: field.pre_save(row, add=True)
    return lambda row: getattr(row, name)
