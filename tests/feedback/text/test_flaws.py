"""Answers that nobody should get are noticed while they grow; what only looks like them is not."""

import time

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback.text.flaws import STRIDE, Flaw, Inspection
from feedback.text.repetition import WINDOW, repeated_part

WORDS = "The quick fox is not a lazy dog, it seems. "
REFRAIN = """Row, row, row your boat,
Gently down the stream,
Merrily, merrily, merrily, merrily,
Life is but a dream.

"""
SOUND = {
    "a round, sung four times": REFRAIN * 4,
    "a hey that is sung for long": "Na na na nananana, nananana, hey Jude. " * 5,
    "a line of dashes": "Before\n" + "-" * 400 + "\nafter",
    "a table": "| Year | Sum |\n|---|---|\n" + "".join(f"| {y} | {y * 7} |\n" for y in range(80)),
    "counting": ", ".join(map(str, range(1, 300))),
    "rows of zeros": "\n".join(["0, 0, 0, 0"] * 40),
    "a list of months and sums": "".join(
        f"- {month}: 100 €\n"
        for month in [
            "Jan",
            "Feb",
            "Mar",
            "Apr",
            "May",
            "Jun",
            "Jul",
            "Aug",
            "Sep",
            "Oct",
            "Nov",
            "Dec",
        ]
    ),
    "code": "".join(f"    case {i}:\n        return {i * i};\n" for i in range(12)),
    "squares": "".join(f"The square of {i} is {i * i}. " for i in range(1, 60)),
    "inserts": "".join(f"INSERT INTO t VALUES ({i}, {i * 2});\n" for i in range(10)),
    "a cry": "A" + "h" * 300 + "!",
    "stars of a rating": "★★★★★ " * 30,
    "other scripts": "\u200fשלום עולם, 你好，世界。 👩\u200d👧 Привет\u00a0мир\u2026",
    "a sign that is spoken of": "U+FFFD, the replacement character, is drawn as \ufffd.",
    "an icon": "Press \uf8ff and Q.",
}
LOOPS = {
    "one sentence": WORDS * 30,
    "after a sound beginning": "Water boils at 100 °C at sea level. " * 1 + "It is water. " * 60,
    "two in turn": "Yes, it is so. No, it is not so. " * 30,
    "numbered": "".join(f"{i}. Improved communication between teams.\n" for i in range(40)),
    "a word": "very " * 120,
    "signs": "!" * 1500,
    "Chinese": "这是一个很好的问题。" * 60,
    "a long part": ("A paragraph that says a lot and nothing. " * 7 + "Then. ") * 8,
}


def inspect(
    text: str, prompt: str = "Tell me.", *, step: int = 3, is_cut: bool = False
) -> Flaw | None:
    inspection = Inspection(prompt)
    for start in range(0, len(text), step):
        if flaw := inspection.feed(text[start : start + step]):
            return flaw
    return inspection.close(is_cut=is_cut)


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_what_only_looks_repetitive_is_left_alone(text: str) -> None:
    assert inspect(text) is None


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS)
def test_loops_are_noticed_long_before_they_end(text: str) -> None:
    endless = text * 20
    inspection = Inspection("Tell me.")
    for start in range(0, len(endless), 3):
        if flaw := inspection.feed(endless[start : start + 3]):
            break
    assert flaw is Flaw.REPETITION
    assert start < WINDOW + STRIDE


def test_a_short_loop_counts_where_the_answer_had_to_end() -> None:
    loop = "It is what it is. " * 14
    assert inspect(loop) is None
    assert inspect(loop, is_cut=True) is Flaw.REPETITION
    assert inspect("One thing. Another thing. " * 2, is_cut=True) is None


def test_who_asks_for_a_line_a_hundred_times_gets_it() -> None:
    lines = "I will not waste chalk.\n" * 100
    asked = "Write a hundred times: I will not waste chalk."
    assert inspect(lines, asked) is None
    assert inspect(lines, "What is chalk?") is Flaw.REPETITION
    assert inspect(lines, asked, is_cut=True) is Flaw.REPETITION  # it never came to its end


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "\ufeff \u00a0"])
def test_an_answer_without_a_visible_sign_is_empty(text: str) -> None:
    assert inspect(text) is Flaw.EMPTY
    assert inspect(f"{text}.") is None


@pytest.mark.parametrize(
    "text", ["Tea \ufffd is a leaf.", "\ue000\ue001\x01\x02\x7f a", "a\x1b" * 90]
)
def test_unreadable_characters_are_noticed(text: str) -> None:
    assert inspect(text) is Flaw.UNREADABLE
    assert inspect(text + WORDS * 3) is Flaw.UNREADABLE


def test_a_character_that_the_token_limit_cuts_in_two_is_no_garbage() -> None:
    for step in (1, 2, 100):
        assert inspect("Well done! 🎉\ufffd\ufffd", step=step, is_cut=True) is None
        assert inspect("Well done! 🎉\ufffd\ufffd", step=step) is Flaw.UNREADABLE
        assert inspect("Well \ufffd\ufffd done! 🎉", step=step, is_cut=True) is Flaw.UNREADABLE
        assert inspect("Well done! " + "\ufffd" * 9, step=step, is_cut=True) is Flaw.UNREADABLE


def naive_part(text: str, least: int, times: int) -> str:
    end = text[-WINDOW:]
    for length in range(least, len(end) + 1):
        run = end[-length:]
        for period in range(1, length // times + 1):
            if all(run[i] == run[i + period] for i in range(length - period)):
                return run[-period:]
    return ""


@settings(max_examples=60, deadline=None)
@given(st.text("ab ", max_size=30), st.text("abc ", min_size=1, max_size=6), st.integers(0, 12))
def test_the_part_is_the_one_that_a_search_finds(before: str, part: str, rounds: int) -> None:
    text = before + part * rounds
    found = repeated_part(text, least=12, times=3)
    expected = naive_part(text, 12, 3)
    if sum(map(str.isalpha, expected)) >= 2:
        assert found == expected
    else:
        assert found == ""


def test_it_costs_the_same_for_each_character_however_long_the_answer() -> None:
    def seconds(length: int) -> float:
        text = "".join(
            f"Fact {i}: {i * i} is the square of {i + i % 7}. " for i in range(length // 20)
        )
        started = time.process_time()
        assert inspect(text[:length], step=4) is None
        return time.process_time() - started

    seconds(5_000)
    assert seconds(80_000) < 8 * 4 * seconds(10_000)


@pytest.mark.parametrize(
    ("name", "column"), [("llmfao_responses", "response"), ("pandalm_pairs", "response1")]
)
def test_real_answers_that_go_round_in_circles_are_caught_and_few_else(
    shared_data, name: str, column: str
) -> None:
    table = pq.read_table(shared_data / f"{name}.parquet", columns=[column])
    answers = [text for text in table[column].to_pylist() if text and text.strip()]
    caught = [text for text in answers if inspect(text, "", step=20) is Flaw.REPETITION]
    assert 0.001 < len(caught) / len(answers) < 0.05
    # Who is caught is still at it at the very end.
    assert all(repeated_part(text, least=150, times=2) for text in caught)
