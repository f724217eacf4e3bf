"""What a page says and lets one do: its texts, its links, its forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

SILENT = {"script", "style", "template"}
WITHOUT_END = {"br", "img", "input", "hr", "meta", "link", "wbr", "source", "col", "area", "base"}
SPOKEN = ("title", "aria-label", "alt", "placeholder", "label")
ACTIVE = {"a": ("href",), "form": ("action", "method"), "input": ("type", "name")}
ACTIVE |= {"button": ("name", "value"), "select": ("name",), "textarea": ("name",)}
ACTIVE |= {"option": ("value",)}


@dataclass(slots=True)
class Page:
    """Texts in the order of the document, controls as short lines, and where links lead."""

    texts: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects the texts outside scripts; of the pool's own texts (`dir=auto`) only that they are.

    The attribute is on every element whose language the site does not choose itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note spoken attributes, messages in `data-…`, and controls."""
        given = {name: value or "" for name, value in attrs}
        is_silent = tag in SILENT or self._is_silent
        if not is_silent:
            for name, value in given.items():
                if name in SPOKEN or (name.startswith("data-") and " " in value):
                    self.page.texts.append(f"[{value}]")
            self._note_control(tag, given)
            if given.get("dir") == "auto" and tag not in WITHOUT_END:
                self.page.texts.append("<text of the pool>")
                is_silent = True
        if tag not in WITHOUT_END:
            self._open.append((tag, is_silent))

    def handle_endtag(self, tag: str) -> None:
        """Close the element, and what was left open in it."""
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        """Keep text that is shown."""
        if data.strip() and not self._is_silent:
            self.page.texts.append(data)

    @property
    def _is_silent(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def _note_control(self, tag: str, given: dict[str, str]) -> None:
        if tag == "a" and "href" in given:
            self.page.links.append(given["href"])
        if tag in ACTIVE:
            said = " ".join(f"{key}={given[key]}" for key in ACTIVE[tag] if key in given)
            self.page.controls.append(f"{tag} {said}".strip())


def read_page(html: str) -> Page:
    """Return the texts, controls and links of an HTML document."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page
