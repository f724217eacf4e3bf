"""What is counted of a text's style."""

import subprocess
import sys

import numpy as np
import pytest

from trainers.data.style import LONGEST, relative_difference, style_counts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0, 0, 0)),
        ("plain", (5, 0, 0, 0)),
        ("# One\ntext\n## Two", (17, 2, 0, 0)),
        ("#hashtag and # in the middle", (28, 0, 0, 0)),
        ("**bold** and **more**, **not\nthis**", (35, 0, 2, 0)),
        ("- a\n* b\n  + c\n1. d\n12) e\n1234. no\n-no", (37, 0, 0, 5)),
        ("x" * (LONGEST + 7), (LONGEST, 0, 0, 0)),
    ],
)
def test_headings_bold_and_lists_are_counted(text: str, expected: tuple[int, ...]) -> None:
    assert style_counts(text) == expected


def test_a_long_hostile_text_takes_no_time_that_grows_faster_than_it() -> None:
    for nasty in ("**a" * 40_000, " " * 100_000, "# " * 50_000, "*" * 100_000):
        assert style_counts(nasty)[0] == min(len(nasty), LONGEST)


def test_differences_are_relative_and_change_sign_with_the_sides() -> None:
    a, b = np.array([[300.0, 1, 0, 0]]), np.array([[100.0, 0, 0, 4]])
    np.testing.assert_allclose(relative_difference(a, b), [[0.5, 0.5, 0, -0.8]])
    np.testing.assert_allclose(relative_difference(b, a), -relative_difference(a, b))
    np.testing.assert_array_equal(relative_difference(a * 0, a * 0), [[0, 0, 0, 0]])


def test_the_ranking_needs_no_torch() -> None:
    wanted = (
        "import trainers.ranking.style_control, trainers.ranking.train, trainers.data.style, sys"
    )
    found = subprocess.run(
        [sys.executable, "-c", f"{wanted}; import sys; print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "False"
