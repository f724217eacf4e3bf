"""How the tests are shared among workers: file by file, the longest work first.

What starts whole sites, each a dozen processes, is one piece of work: no two sites start at once.
"""

import os

import pytest
from xdist.scheduler import LoadFileScheduling

WHOLE_SITES = ("tests/processes/", "tests/browser/test_loop.py")
LONGEST_FIRST = ("processes", "training", "browser", "server")


class FileScheduling(LoadFileScheduling):
    """Hands out files, and whole sites together."""

    def _split_scope(self, nodeid: str) -> str:
        return "whole sites" if nodeid.startswith(WHOLE_SITES) else super()._split_scope(nodeid)


def put_longest_first(items: list[pytest.Item]) -> None:
    """Order the files of a worker's tests, so that no long one is left for the end."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    ranks: dict[str, int] = {}
    for item in items:
        path = item.nodeid.partition("::")[0]
        ranks[path] = min(ranks.get(path, len(LONGEST_FIRST) + 1), _rank(item))
    items.sort(key=lambda item: ranks[item.nodeid.partition("::")[0]])


def _rank(item: pytest.Item) -> int:
    if item.nodeid.startswith(WHOLE_SITES):
        return 0
    marks = (rank for rank, name in enumerate(LONGEST_FIRST, 1) if item.get_closest_marker(name))
    return next(marks, len(LONGEST_FIRST) + 1)
