"""Model and user text as harmless HTML: Markdown without raw HTML, then an allow-list."""

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt

LIMIT = 200_000  # characters; what is longer is cut with a notice, since a page must stay a page

# Wide things scroll in themselves; the keyboard reaches them, and they say what they are.
CODE = '<pre tabindex="0" role="region" aria-label="{}">'
TABLE = '<div class="wide" tabindex="0" role="region" aria-label="{}"><table>'

_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(
    ["table", "strikethrough"]
)
_cleaner = nh3.Cleaner(
    tags={
        *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote"),
        *("pre", "code", "em", "strong", "s", "a", "table", "thead", "tbody", "tr", "th", "td"),
    },
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener noreferrer ugc",
)


def render(text: str) -> SafeString:
    """Safe HTML of a Markdown text; images are left out, raw HTML is shown as text."""
    shown = text if len(text) <= LIMIT else text[:LIMIT] + "\n\n…"
    html = _cleaner.clean(_markdown.render(shown))
    html = html.replace("<pre>", format_html(CODE, _("Code, scrolls sideways")))
    html = html.replace("<table>", format_html(TABLE, _("Table, scrolls sideways")))
    html = html.replace("</table>", "</table></div>")
    return mark_safe(html)  # noqa: S308 - cleaned by the allow-list above
