"""Progress: a line of JSON for a program, a bar for a person, never backwards."""

import io
import json

from trainers.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_program_reads_one_object_a_line() -> None:
    stream = io.StringIO()
    progress = Progress(stream, interval=0)
    progress.plan({"encode": 1, "train": 3})
    progress.report("encode", 1, 2)
    progress.report("train", 2, 4, loss=0.5)
    first, second = lines(stream)
    assert first == {"phase": "encode", "progress": 0.125, "step": 1, "total": 2, "metrics": {}}
    assert (second["progress"], second["metrics"]) == (0.625, {"loss": 0.5})


def test_the_whole_runs_fraction_never_falls() -> None:
    stream = io.StringIO()
    progress = Progress(stream, interval=0)
    progress.plan({"train": 1, "evaluate": 1})
    for phase, done in (("train", 4), ("evaluate", 1), ("train", 1), ("evaluate", 4)):
        progress.report(phase, done, 4)
    fractions = [line["progress"] for line in lines(stream)]
    assert fractions == [0.5, 0.625, 0.625, 1.0]


def test_a_phase_without_steps_is_done() -> None:
    stream = io.StringIO()
    Progress(stream).report("count", 0, 0)
    assert lines(stream)[0]["progress"] == 1.0


def test_between_its_first_and_last_line_a_phase_waits() -> None:
    stream = io.StringIO()
    progress = Progress(stream, interval=60)
    for step in range(101):
        progress.report("train", step, 100)
    assert [line["step"] for line in lines(stream)] == [0, 100]


def test_a_person_sees_a_bar_that_ends_its_line() -> None:
    stream = Terminal()
    progress = Progress(stream, interval=0)
    progress.report("train", 1, 2, loss=0.25)
    assert "50%  train 1/2  loss 0.25" in stream.getvalue()
    assert "\n" not in stream.getvalue()
    progress.report("train", 2, 2)
    assert stream.getvalue().endswith("\n")
