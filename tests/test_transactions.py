"""Who catches an error of the database has a savepoint: what the source alone shows.

A statement that fails ends its transaction for PostgreSQL. A handler that goes on without having
put the statement into `transaction.atomic()` of its own breaks whatever the caller does next, and
at a distance: "current transaction is aborted". In tests, which run in one transaction, too.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

DATABASE_ERRORS = {"IntegrityError", "DatabaseError", "DataError", "OperationalError"}
ALL_ERRORS = {"Exception", "BaseException"}
EXCEPTIONS = {
    "feedback/arena/asking.py": "each start has a transaction of its own, after calls over HTTP",
    "feedback/management/json_command.py": "there is no connection, so no transaction to break",
}


def names(node: ast.expr | None) -> set[str]:
    """The errors that a handler or `suppress` names; all of them where it names none."""
    if node is None:
        return set(ALL_ERRORS)
    parts = list(ast.walk(node))
    return {part.id for part in parts if isinstance(part, ast.Name)} | {
        part.attr for part in parts if isinstance(part, ast.Attribute)
    }


def is_atomic(node: ast.AST) -> bool:
    """Whether it is `with transaction.atomic(): …`."""
    return isinstance(node, ast.With) and any(
        "transaction.atomic" in ast.unparse(item.context_expr) for item in node.items
    )


def caught(node: ast.AST) -> set[str]:
    """The errors that a statement catches, whether by `except` or by `suppress`."""
    if isinstance(node, ast.Try):
        return set().union(*(names(handler.type) for handler in node.handlers))
    if isinstance(node, ast.With):
        calls = (item.context_expr for item in node.items)
        return set().union(
            *(names(call) for call in calls if "suppress(" in ast.unparse(call)), set()
        )
    return set()


def swallowed(tree: ast.AST, *, inside: bool = False) -> Iterator[int]:
    """The lines that catch errors of the database without a savepoint.

    inside: whether the code runs in a transaction, where `except Exception` catches them as well.
    """
    for node in ast.iter_child_nodes(tree):
        errors = DATABASE_ERRORS | ALL_ERRORS if inside else DATABASE_ERRORS
        if caught(node) & errors and not all(is_atomic(part) for part in node.body):
            yield node.lineno
        decorated = [ast.unparse(one) for one in getattr(node, "decorator_list", ())]
        begins = is_atomic(node) or any("transaction.atomic" in one for one in decorated)
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from swallowed(node, inside=begins or (inside and not is_function))


def test_who_catches_an_error_of_the_database_has_a_savepoint() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / "feedback").rglob("*.py"))
        if (lines := list(swallowed(ast.parse(path.read_text()))))
    }
    assert {path: found[path] for path in found.keys() - EXCEPTIONS} == {}
    assert found.keys() == EXCEPTIONS.keys(), "an exception is cured: take it off the list"


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("try:\n  add()\nexcept IntegrityError:\n  pass", [1]),
        ("with suppress(db.IntegrityError, KeyError):\n  add()", [1]),
        ("with suppress(IntegrityError):\n  add()", [1]),
        ("try:\n  with transaction.atomic():\n    add()\nexcept IntegrityError:\n  pass", []),
        ("try:\n  ask()\nexcept Exception:\n  pass", []),
        ("with transaction.atomic():\n  try:\n    add()\n  except Exception:\n    pass", [2]),
        ("with transaction.atomic():\n  try:\n    add()\n  except:\n    pass", [2]),
        ("with transaction.atomic():\n  try:\n    add()\n  except KeyError:\n    pass", []),
        ("@transaction.atomic\ndef f():\n  try:\n    add()\n  except Exception:\n    pass", [3]),
        ("with transaction.atomic():\n  with transaction.atomic():\n    add()", []),
    ],
)
def test_the_check_sees(source: str, lines: list[int]) -> None:
    assert list(swallowed(ast.parse(source))) == lines
