"""How calls share the thread of a model: small ones pass, and no batch is more than one's worth."""

import asyncio
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.loops import run_async
from trainers.serve.batcher import Batcher


class Recorder:
    """Work on numbers, which are their own cost; the first batch waits until it may go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_go = threading.Event()
        self.has_begun = threading.Event()

    def work(self, batch: list[int]) -> list[int]:
        self.batches.append(batch)
        self.has_begun.set()
        assert self.may_go.wait(10)
        return [-number for number in batch]


def answers(calls: list[list[int]], size: int) -> tuple[Recorder, list[list[int]]]:
    """What the calls after the first get, made while the first is under way."""
    recorder = Recorder()
    batcher = Batcher("test", recorder.work, size=size, cost=lambda number: number)

    async def ask() -> list[list[int]]:
        asked = [asyncio.create_task(batcher.run(calls[0]))]
        await asyncio.to_thread(recorder.has_begun.wait, 10)
        asked += [asyncio.create_task(batcher.run(call)) for call in calls[1:]]
        await asyncio.sleep(0.01)  # all have been queued
        recorder.may_go.set()
        return list(await asyncio.gather(*asked))

    batcher.start()
    try:
        return recorder, run_async(ask())
    finally:
        batcher.stop()


def test_a_small_call_passes_a_large_one_and_shares_no_batch_with_it() -> None:
    recorder, _ = answers([[1], [4, 4, 4, 4], [2], [3]], size=8)
    assert recorder.batches == [[1], [2, 3], [4, 4], [4, 4]]


def test_what_does_not_fit_beside_another_waits_for_the_next_batch() -> None:
    recorder, _ = answers([[1], [5], [4], [3]], size=8)
    assert recorder.batches == [[1], [5], [4, 3]]


def test_an_item_that_is_larger_than_a_batch_is_done_alone() -> None:
    recorder, found = answers([[1], [2, 20, 2]], size=8)
    assert recorder.batches[1:] == [[2], [20], [2]]
    assert found[1] == [-2, -20, -2]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=6), min_size=1, max_size=6))
def test_every_call_gets_its_own_answers_in_their_order(calls: list[list[int]]) -> None:
    recorder, found = answers(calls, size=8)
    assert found == [[-number for number in call] for call in calls]
    assert all(sum(batch) <= 8 or len(batch) == 1 for batch in recorder.batches)


def test_a_failure_is_told_to_those_who_asked_and_to_nobody_else() -> None:
    def fails(batch: list[int]) -> list[int]:
        if 2 in batch:
            raise ValueError("two")
        return batch

    batcher = Batcher("test", fails, size=2, cost=lambda number: number)
    batcher.start()

    async def ask() -> list[object]:
        return list(
            await asyncio.gather(batcher.run([1, 1]), batcher.run([2]), return_exceptions=True)
        )

    first, second = run_async(ask())
    batcher.stop()
    assert first == [1, 1]
    assert isinstance(second, ValueError)
