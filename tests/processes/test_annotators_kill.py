"""Many annotators at once while leases run out and web processes are killed: nothing is lost.

Real web processes, killed by SIGKILL in the middle of what they do; a real PostgreSQL.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.benchmarks.queue_crowd import Luck, finish
from tests.benchmarks.queue_site import QueueSite
from tests.conftest import make_data_dir
from tests.loops import run_async

pytestmark = pytest.mark.processes

TASKS, OVERLAP, PEOPLE = 100, 3, 24
PATIENCE_SECONDS = 300
DOUBLED = """
SELECT rater_id, comparison_id FROM feedback_preference WHERE state = 'active'
 GROUP BY 1, 2 HAVING count(*) > 1
"""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueSite]:
    monkeypatch.setenv("WEB_WORKERS", "3")
    site = QueueSite(make_data_dir(), lease_seconds=2, durable=False)
    try:
        yield site
    finally:
        site.stop()


def test_overlap_is_exact_while_leases_run_out_and_web_processes_are_killed(
    site: QueueSite,
) -> None:
    filled = site.fill(tasks=TASKS, overlap=OVERLAP, people=PEOPLE)
    site.start_web()
    site.start_expiry()
    luck = Luck(dawdles=0.1, kill_every=0.8, kill_for=PATIENCE_SECONDS)

    async def work() -> object:
        crowd = finish(site, filled["keys"], filled["campaign"], luck)
        return await asyncio.wait_for(crowd, PATIENCE_SECONDS)

    record = run_async(work())

    assert site.exact() == (TASKS, TASKS)
    assert site.rows(DOUBLED) == []
    kept = {row[0] for row in site.rows("SELECT public_id FROM feedback_preference")}
    assert len(kept) == TASKS * OVERLAP
    assert set(record.acknowledged.values()) == kept
    assert record.repeated == 0
    # It was as bad as it was meant to be.
    assert record.killed >= 2
    assert record.cut_off >= 1
    assert record.lost >= 1
