"""What a model or a person wrote becomes harmless HTML, whatever it is."""

import re
from html.parser import HTMLParser

import pytest
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st

from feedback.text.rendering import LIMIT, render

ALLOWED = {
    "a": {"href", "rel"},
    "ol": {"start"},
    "pre": {"tabindex", "role", "aria-label"},
    "div": {"class", "tabindex", "role", "aria-label"},
}
PLAIN = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "li", "blockquote"),
    *("code", "em", "strong", "s", "table", "thead", "tbody", "tr", "th", "td"),
}


class Seen(HTMLParser):
    """Every tag with its attributes, as a browser would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags_of(text: str) -> list[tuple[str, dict[str, str | None]]]:
    seen = Seen()
    seen.feed(render(text))
    return seen.tags


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![](https://tracker.example/pixel.png)",
        "[click](javascript:alert(1))",
        "[click](JaVaScRiPt:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        '<button hx-post="/annotate/task/judge/">1</button>',
        '<div hx-get="/" hx-trigger="load">x</div>',
        "<style>body{display:none}</style>",
        "<a href='https://x' style='position:fixed' onclick='x()'>x</a>",
        "<iframe src='//x'></iframe><svg/onload=x()>",
        "```html\n</code></pre><script>x()</script>\n```",
        "| a |\n|---|\n| <script>x()</script> |",
    ],
)
def test_hostile_text_becomes_text(hostile: str) -> None:
    assert_harmless(hostile)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("<>/\"'=`[](){}!#*_-|:\n\\ ahxonsrcjavascript&;1"), max_size=80))
def test_any_text_is_harmless(text: str) -> None:
    assert_harmless(text)


def assert_harmless(text: str) -> None:
    for tag, attributes in tags_of(text):
        assert tag in PLAIN | set(ALLOWED)
        assert set(attributes) <= ALLOWED.get(tag, set())
        if href := attributes.get("href"):
            assert re.match(r"(https?|mailto):|[^:]*$", href), href


def test_markdown_is_rendered() -> None:
    html = render("# Head\n\n1. **one**\n\n```\ncode\n```\n\n| a |\n|---|\n| b |\n\nrtl: שלום 🙂")
    for part in ("<h1>Head</h1>", "<strong>one</strong>", "<td>b</td>", "שלום 🙂"):
        assert part in html
    assert 'aria-label="Code, scrolls sideways"' in html
    assert 'class="wide"' in html


def test_an_endless_answer_is_cut_and_an_empty_one_is_empty() -> None:
    assert len(render("x" * (LIMIT * 2))) < LIMIT + 100
    assert render("") == ""


def test_what_is_remembered_is_in_the_language_of_the_page():
    code = "```\nx = 1\n```"
    with override("en"):
        english = render(code)
        assert render(code) is english
    with override("de"):
        german = render(code)
    assert "Code, scrolls sideways" in english
    assert german != english
