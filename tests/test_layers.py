"""What an import cannot show obeys the layers of the imports: tables in SQL, and foreign keys.

The layers are those of import-linter's contract in `pyproject.toml`. A table belongs to the domain
whose package defines its model; a view or a function of the database, to the domain of its file.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.db.models import Field

from feedback.database.sql_files import sql_files
from tests.conftest import ROOT

NAME = re.compile(r"\bfeedback_\w+")
DEFINED = re.compile(r"^CREATE OR REPLACE (?:FUNCTION|VIEW) (\w+)", re.MULTILINE)
# The pool and the log of decisions point at each other: what a judgment is worth depends on who
# chose what was judged, and with which probability.
SQL_EXCEPTIONS = {
    ("publication", "feedback_labelroute"): "a judgment is published with its propensity",
    ("publication", "feedback_modelroute"): "a judgment is published with its propensity",
    ("training", "feedback_modelroute"): "snapshots hold decisions, for off-policy evaluation",
}
KEY_EXCEPTIONS = {
    "feedback.Preference.campaign": "a judgment is written once, with all that it was given for",
    "feedback.Preference.assignment": "and its assignment is used up by exactly one, by constraint",
}


@cache
def layers() -> tuple[dict[str, int], set[str]]:
    """The layer of each package of `feedback`, 0 the highest; and the modules above them all."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (domains,) = (one for one in contracts["contracts"] if one.get("containers") == ["feedback"])
    ranks = {
        name.strip(): rank
        for rank, layer in enumerate(domains["layers"])
        for name in layer.split("|")
    }
    return ranks, set(domains["exhaustive_ignores"])


def package(module: str) -> str:
    """The part of `feedback` that a module lies in."""
    return module.split(".")[1]


def may_know(user: str, owner: str) -> bool:
    """Whether the layers let one package know another."""
    ranks, above_all = layers()
    return user == owner or user in above_all or ranks[user] < ranks[owner]


@cache
def owners() -> dict[str, str]:
    """The package that each table, view and function of the database belongs to."""
    models = apps.get_app_config("feedback").get_models(include_auto_created=True)
    found = {model._meta.db_table: package(model.__module__) for model in models}
    for path, text in sql_files().items():
        found |= dict.fromkeys(DEFINED.findall(text), path.split("/")[0])
    return found


def named_in_sql() -> Iterator[tuple[str, str, str]]:
    """Every package, a name of the database that it writes out, and where."""
    for path, text in sql_files().items():
        yield from ((path.split("/")[0], name, path) for name in NAME.findall(text))
    for path in sorted((ROOT / "feedback").rglob("*.py")):
        where = path.relative_to(ROOT)
        inside = where.with_suffix("").parts[1]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                line = f"{where}:{node.lineno}"
                yield from ((inside, name, line) for name in NAME.findall(node.value))


def test_names_of_tables_in_sql_obey_the_layers() -> None:
    wrong = {
        (user, name): where
        for user, name, where in named_in_sql()
        if name in owners() and not may_know(user, owners()[name])
    }
    unknown = {pair: where for pair, where in wrong.items() if pair not in SQL_EXCEPTIONS}
    assert unknown == {}
    assert set(wrong) == set(SQL_EXCEPTIONS), "an exception is cured: take it off the list"


def test_foreign_keys_obey_the_layers() -> None:
    wrong = {
        str(field)
        for field in foreign_keys()
        if not may_know(package(field.model.__module__), package(field.related_model.__module__))
    }
    assert wrong == set(KEY_EXCEPTIONS)


def foreign_keys() -> "Iterator[Field[Any, Any]]":
    """Every field that points at a model, whether by the class or by its name."""
    for model in apps.get_app_config("feedback").get_models():
        fields = (*model._meta.fields, *model._meta.many_to_many)
        yield from (field for field in fields if field.related_model is not None)


def test_the_check_would_see_a_name_from_above() -> None:
    assert owners()["feedback_votetally"] == owners()["feedback_counted"] == "ranking"
    assert owners()["feedback_turn_topics"] == "pool"
    assert not may_know("pool", "ranking")
    assert not may_know("training", "ranking"), "neighbours do not know each other"
    assert may_know("ranking", "pool")
    assert {"pool", "ranking"} <= {user for user, _name, _where in named_in_sql()}
