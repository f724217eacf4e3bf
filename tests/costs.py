"""What a test costs, told by the fixtures that it uses: the marks that `-m` selects by.

Each test bears the mark of every dear thing that it uses, and `slow` where one of them takes
seconds; `no_database` is for those that use none.
"""

import pytest

BY_FIXTURE = {
    "browser": {"chromium"},
    "server": {"live_server", "shared_web_server"},
    "transaction": {"transactional_db", "live_server"},
    "database": {"database_url", "django_db_setup", "db"},
}
SLOW = {"browser", "server", "processes", "training"}


def mark_by_cost(item: pytest.Item) -> None:
    """Mark a test by what it uses."""
    fixtures = set(getattr(item, "fixturenames", ()))
    costs = {name for name, used in BY_FIXTURE.items() if used & fixtures}
    if marked := item.get_closest_marker("django_db"):
        costs |= {"database", "transaction"} if marked.kwargs.get("transaction") else {"database"}
    costs |= {name for name in SLOW if item.get_closest_marker(name)}
    if not costs & {"database", "transaction", "server", "browser"}:
        costs.add("no_database")
    if costs & SLOW:
        costs.add("slow")
    for name in sorted(costs):
        item.add_marker(name)
