"""Formulas become MathML of a short list of elements; what is not one stays text."""

import re
import time

import pytest

from feedback.text.mathematics import ATTRIBUTES, ELEMENTS, mathml
from feedback.text.rendering import render


@pytest.mark.parametrize(
    "text", [r"so $x^2$ is", r"so \(x^2\) is", r"so $$x^2$$ is", "so\n\n$$\nx^2\n$$", r"\[ x^2 \]"]
)
def test_the_usual_ways_to_write_a_formula(text):
    assert "<msup><mrow><mi>x</mi></mrow><mrow><mn>2</mn></mrow></msup>" in render(text) or (
        "<msup><mi>x</mi><mn>2</mn></msup>" in render(text)
    )
    assert "$" not in render(text)


@pytest.mark.parametrize(
    "text", ["It costs $5 and $10.", "`$x$`", "```\n$$x$$\n```", "A $ sign", "US$ 3, US$ 4"]
)
def test_what_is_no_formula_stays(text):
    assert "<math" not in render(text)
    assert "$" in render(text)


@pytest.mark.parametrize(
    "latex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\text{<img src=x onerror=alert(1)>}",
        r"\href{javascript:alert(1)}{x}",
        r"</math><script>alert(1)</script>",
        r"\text{</mtext></math><b hx-get='/x'>}",
        r"\style{position:fixed}{x}",
    ],
)
def test_a_hostile_formula_cannot_act(latex):
    html = render(f"a ${latex}$ b\n\n$$\n{latex}\n$$")
    assert set(re.findall(r"<(\w+)", html)) <= ELEMENTS | {"p", "code", "br"}
    assert {
        name for tag in re.findall(r"<[^>]*>", html) for name in re.findall(r" ([\w-]+)=", tag)
    } <= ATTRIBUTES


@pytest.mark.parametrize("latex", ["{" * 600, r"\frac" * 200, "x" * 5000, r"\left(" * 100, ""])
def test_a_formula_that_cannot_be_read_is_shown_as_written(latex):
    began = time.perf_counter()
    assert mathml(latex) == "" or mathml(latex).startswith("<math")
    render(f"${latex}$")
    assert time.perf_counter() - began < 20


def test_a_text_full_of_formulas_is_bounded():
    text = "$x_{1}$ " * 20_000
    began = time.perf_counter()
    html = render(text)
    assert html.count("<math") <= 20_000 / 5
    assert "<code>x_{1}</code>" in html
    assert time.perf_counter() - began < 60
