"""What two answers do not share is marked, and nothing else of them changes."""

import random
import re
import time

from hypothesis import given
from hypothesis import strategies as st

from feedback.text.differences import LIMIT, differences
from feedback.text.rendering import render

MARK = re.compile(r"</?mark>")


def marked(html: str) -> list[str]:
    return re.findall(r"<mark>(.*?)</mark>", html)


def test_the_words_of_one_side_are_marked():
    found = differences(render("The cat sat on *the* mat."), render("The dog sat on the red mat."))
    assert marked(found.first) == ["cat"]
    assert marked(found.second) == ["dog", "red"]
    assert found.share == 3 / 15


def test_equal_texts_have_no_marks_and_disjoint_ones_are_marked_whole():
    assert differences(render("Same."), render("Same.")).share == 0
    found = differences(render("one two"), render("three four"))
    assert (marked(found.first), marked(found.second)) == (["one two"], ["three four"])
    assert differences("", "").share == 0


def naive_common(a: list[str], b: list[str]) -> int:
    """The length of the longest common subsequence, by its textbook table."""
    row = [0] * (len(b) + 1)
    for x in a:
        before = row
        row = [0]
        for place, y in enumerate(b):
            row.append(before[place] + 1 if x == y else max(before[place + 1], row[-1]))
    return row[-1]


@given(
    st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12)
)
def test_as_much_as_possible_is_shared(a, b):
    found = differences(f"<p>{' '.join(a)}</p>", f"<p>{' '.join(b)}</p>")
    left = sum(len(part.split()) for part in marked(found.first))
    assert left == len(a) - naive_common(a, b)


@given(st.text(max_size=300), st.text(max_size=300))
def test_without_the_marks_the_texts_are_as_before(a, b):
    first, second = render(a), render(b)
    found = differences(first, second)
    assert MARK.sub("", found.first) == first
    assert MARK.sub("", found.second) == second


def test_long_answers_take_a_bounded_time():
    dice = random.Random(1)
    sides = [" ".join(f"w{dice.randrange(50)}" for _ in range(LIMIT - 10)) for _ in "ab"]
    began = time.perf_counter()
    assert differences(*(f"<p>{side}</p>" for side in sides)).share > 0
    assert time.perf_counter() - began < 20
    lines = ["\n".join(f"line {dice.random()} of many words" for _ in range(5000)) for _ in "ab"]
    assert differences(*lines).share > 0.9
    assert differences(*("\n".join(map(str, range(LIMIT + 1))) for _ in "ab")) is None
