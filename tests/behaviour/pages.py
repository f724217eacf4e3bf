"""Texts and controls of the site's pages, as three people see them, in each language."""

import json
import re
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.behaviour.normalise import page_text
from tests.behaviour.site import Site
from tests.behaviour.starter import starter_prompts
from tests.behaviour.visible_text import read_page

PEOPLE = ("visitor", "contributor", "operator")
LANGUAGES = ("en", "de")
PARAMETER = re.compile(r"<(?:\w+:)?\w+>")
# The schema has a record of its own; figures of `metrics` are times and counts of requests.
LEFT_OUT = {"api/schema/", "metrics", "api/v1/preferences/export/", "contributions/data.json"}
ENDS_SESSION = re.compile(r"sign-out|logout")

Record = dict[str, Any]


def record_pages(site: Site) -> Record:
    """Return the record of each page by language, person and route."""
    return {
        f"{language} {person}": _Visit(site, person, language).record()
        for language in LANGUAGES
        for person in PEOPLE
    }


class _Visit:
    """One person's way through the site: pages without parameters, then what they link to."""

    def __init__(self, site: Site, person: str, language: str) -> None:
        self._site = site
        self._person, self._language = person, language
        self._prompts = starter_prompts()
        self._found: Record = {}
        self._links: list[str] = []

    def record(self) -> Record:
        """Visit the plain routes in alphabetical order, then one page of each other route.

        Of a route with parameters the first link met is followed; those pages' links count, too.
        """
        with self._site.client(self._person, self._language) as client:
            for route in self._site.routes:
                if is_plain(route):
                    self._visit(client, route, f"/{route}")
            while (next_one := self._unseen()) is not None:
                self._visit(client, *next_one)
        return dict(sorted(self._found.items()))

    def _visit(self, client: httpx.Client, route: str, path: str) -> None:
        answer = client.get(path, headers={"Accept": "text/html,application/json"})
        record: Record = {"status": answer.status_code}
        text = partial(page_text, route=shown(route), prompts=self._prompts)
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if "location" in answer.headers:
            record["location"] = text(answer.headers["location"])
        if kind == "text/html":
            page = read_page(answer.text)
            record["text"] = text(" ".join(page.texts))
            record["controls"] = [text(control) for control in page.controls]
            self._links += page.links
        elif kind == "application/json":
            record["text"] = text(json.dumps(answer.json(), ensure_ascii=False))
        self._found[shown(route)] = record

    def _unseen(self) -> tuple[str, str] | None:
        """Return the first link to a route that has no record yet, and the route."""
        routes = sorted((route for route in self._site.routes if "<" in route), key=shown)
        patterns = [(route, pattern_of(route)) for route in routes]
        for link in self._links:
            address = urlsplit(link)
            if address.netloc:
                continue
            for route, pattern in patterns:
                if shown(route) not in self._found and pattern.fullmatch(address.path):
                    return route, address.path
        return None


def is_plain(route: str) -> bool:
    """Return whether the route is the address of a page that anyone may look at twice."""
    return not (route in LEFT_OUT or "<" in route or "^" in route or ENDS_SESSION.search(route))


def shown(route: str) -> str:
    """Return a route without the names of its parameters, which a refactoring may change."""
    return "/" + PARAMETER.sub("<>", route)


def pattern_of(route: str) -> re.Pattern[str]:
    """Return an expression that matches the paths of a route."""
    literal = PARAMETER.split(route)
    return re.compile("/" + "[^/]+".join(re.escape(part) for part in literal))
