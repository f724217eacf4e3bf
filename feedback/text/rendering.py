"""Model and user text as harmless HTML: Markdown without raw HTML, then an allow-list."""

import re
from functools import lru_cache

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt

from feedback.text import mathematics

LIMIT = 200_000  # characters; what is longer is cut with a notice, since a page must stay a page
REMEMBERED, SHORT = 256, 10_000  # texts of at most so many characters are kept: a few megabytes

# Wide things scroll in themselves; the keyboard reaches them, and they say what they are.
CODE = '<pre tabindex="0" role="region" aria-label="{}">'
TABLE = '<div class="wide" tabindex="0" role="region" aria-label="{}"><table>'

LINE_ENDS = re.compile(r"\r\n?|\n")

_markdown = mathematics.formulas(
    MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
)
_cleaner = nh3.Cleaner(
    tags={
        *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote"),
        *("pre", "code", "em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td"),
        *mathematics.ELEMENTS,
    },
    attributes={
        "a": {"href"},
        "ol": {"start"},
        **{element: set(mathematics.ATTRIBUTES) for element in mathematics.ELEMENTS},
    },
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener noreferrer ugc",
)


def render(text: str) -> SafeString:
    """Return safe HTML of a Markdown text; images are left out, raw HTML is escaped."""
    made = _remembered if len(text) <= SHORT else _made
    return made(text, get_language())


def _made(text: str, _language: str | None) -> SafeString:
    shown = text if len(text) <= LIMIT else text[:LIMIT] + "\n\n…"
    html = _cleaner.clean(_markdown.render(shown))
    html = html.replace("<pre>", format_html(CODE, _("Code, scrolls sideways")))
    html = html.replace("<table>", format_html(TABLE, _("Table, scrolls sideways")))
    html = html.replace("</table>", "</table></div>")
    return mark_safe(html)  # noqa: S308 - cleaned by the allow-list above


# Several people are shown the same answers at about the same time.
_remembered = lru_cache(REMEMBERED)(_made)


def closed_length(text: str) -> int:
    """Count the characters of a growing text in blocks that can no longer change.

    That is all but the last block: it may go on, and a list or a table becomes one only later.
    """
    starts = [
        token.map[0]
        for token in _markdown.parse(text)
        if token.level == 0 and token.nesting >= 0 and token.map
    ]
    if len(starts) < 2:
        return 0
    return [end.end() for end in LINE_ENDS.finditer(text)][starts[-1] - 1]
