"""Looking changes nothing: what answers a GET calls no service that publishes or withdraws."""

import ast
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from feedback.pool.models import Preference
from tests.conftest import ROOT
from tests.feedback.builders import judge, make_comparison, make_contributor

WRITERS = (
    "feedback.pool.lifecycle",
    "feedback.pool.services",
    "feedback.pool.visibility",
    "feedback.publication.services",
)
READ_ONLY = {"GET", "HEAD", "OPTIONS"}
MODULES = sorted(
    path
    for path in (ROOT / "feedback").rglob("*.py")
    if path.name.endswith(("views.py", "api.py")) or "views" in path.parts
)


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")
@pytest.mark.parametrize("path", ["/data/", "/api/v1/preferences/export/"])
def test_who_looks_publishes_nothing(client: Client, settings: Settings, path: str) -> None:
    settings.PUBLICATION_DELAY_SECONDS = 0
    judge(make_comparison(), make_contributor())
    assert b"".join(client.get(path)) is not None
    assert Preference.objects.get().published_number is None


def test_no_handler_of_a_get_calls_a_writer() -> None:
    found = {str(path.relative_to(ROOT)): list(calls_in(path.read_text())) for path in MODULES}
    assert {path: calls for path, calls in found.items() if calls} == {}


def test_the_check_sees_one_that_does() -> None:
    module = (
        "from feedback.pool.lifecycle import judgments_publish\n"
        "@require_GET\n"
        "def page(request):\n"
        "    judgments_publish()\n"
        '@api_view(["GET"])\n'
        "def read(request):\n"
        "    judgments_publish()\n"
        '@api_view(["POST"])\n'
        "def write(request):\n"
        "    judgments_publish()\n"
    )
    assert list(calls_in(module)) == ["page: judgments_publish", "read: judgments_publish"]


def calls_in(source: str) -> Iterator[str]:
    """Yield what handlers of GET alone call of the modules that write."""
    tree = ast.parse(source)
    writers = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in WRITERS
        for alias in node.names
    }
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not any(map(is_read_only, function.decorator_list)):
            continue
        for node in ast.walk(function):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id in writers:
                yield f"{function.name}: {called.id}"


def is_read_only(decorator: ast.expr) -> bool:
    """Return whether a decorator lets only methods through that read."""
    if isinstance(decorator, ast.Name):
        return decorator.id in ("require_GET", "require_safe")
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Name):
        return False
    if decorator.func.id not in ("api_view", "require_http_methods"):
        return False
    return set(ast.literal_eval(decorator.args[0])) <= READ_ONLY
