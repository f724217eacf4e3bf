"""What the pages for developers name is there: paths, modules, functions, links, decisions."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OF_THE_HOUSE = ("docs/architecture.md", "README.md", "CONTRIBUTING.md")
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
HEADINGS = ("Context", "Decision", "Consequences", "Alternatives")

FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}.*$", re.MULTILINE)  # code, or a formula
QUOTED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED = re.compile(r"\bdecision (\d{4})\b", re.IGNORECASE)
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
IN_MAP = re.compile(r"(?<![\w./-])((?:[a-z_]+/)+(?:\w+\.py)?|[a-z_]+\.(?:py|md))(?![\w/])")
FILE = re.compile(r"\.(py|sql|md|toml|po|mo|lock)$")
MADE_BY_RUNNING = {".venv"}


@cache
def tracked() -> frozenset[str]:
    """Return every path of a file that git knows, or would, and of every folder that has one."""
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    files = [Path(line) for line in found if line and (ROOT / line).exists()]
    return frozenset(str(one) for file in files for one in (file, *file.parents))


def ends_a_path(name: str) -> bool:
    """Return whether a file or folder has this path, from the root or from a folder on."""
    wanted = name.rstrip("/")
    return any(path == wanted or path.endswith(f"/{wanted}") for path in tracked())


def lacking_in_python(name: str) -> str:
    """Return what is not there of `package.module.name`; "" where all is, or it is none of ours."""
    parts = name.split(".")
    for source in ("", "feedback", "platform"):
        folder = ROOT / source
        if not (folder / parts[0]).is_dir() or parts[0] in ("docs", "templates"):
            continue
        at, rest = folder / parts[0], parts[1:]
        while rest and (at / rest[0]).is_dir():
            at, rest = at / rest[0], rest[1:]
        module = at / "__init__.py"
        if rest and (at / f"{rest[0]}.py").is_file():
            module, rest = at / f"{rest[0]}.py", rest[1:]
        if not rest:
            return ""
        if re.search(rf"^\s*(async def|def|class) {rest[0]}\b", module.read_text(), re.MULTILINE):
            return ""
        return name
    return ""


def wrong_in(text: str) -> Iterator[str]:
    """Yield what a page quotes as a path or a module and what is not there."""
    for quoted in QUOTED.findall(FENCED.sub("", text)):
        if not PATH.fullmatch(quoted) or quoted.split("/")[0] in MADE_BY_RUNNING:
            continue
        if "/" in quoted or FILE.search(quoted):
            if not ends_a_path(quoted):
                yield quoted
        elif missing := lacking_in_python(quoted):
            yield missing
    for block in FENCED.findall(text):
        yield from (name for name in IN_MAP.findall(block) if not ends_a_path(name))


@pytest.mark.parametrize("page", OF_THE_HOUSE)
def test_what_a_page_names_is_there(page: str) -> None:
    assert set(wrong_in((ROOT / page).read_text())) == set()


def test_the_check_would_see_what_is_gone() -> None:
    page = "`feedback/gone.py` `pool.services.gone` `pool.lifecycle`\n```\n  gone/  a folder\n```\n"
    assert list(wrong_in(page)) == ["feedback/gone.py", "pool.services.gone", "gone/"]


def test_the_map_shows_every_package() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    packages = {
        folder.name
        for source in ("feedback", "trainers")
        for folder in (ROOT / source).iterdir()
        if (folder / "__init__.py").is_file()
    }
    assert {name for name in packages if f"{name}/" not in page} == set()


def anchors(page: Path) -> set[str]:
    """Return the names that a page's headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    prose = QUOTED.sub("", INDENTED.sub("", FENCED.sub("", page.read_text())))
    for link in LINK.findall(prose):
        path, _, anchor = link.partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_four_parts_and_a_row_in_the_index(page: Path) -> None:
    text = page.read_text()
    number = page.stem[:4]
    title = re.fullmatch(rf"# {int(number)}\. (.+)", text.splitlines()[0])
    assert title, "the title is “# 7. What was decided”"
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(HEADINGS)
    index = (page.parent / "README.md").read_text()
    assert f"| [{number}]({page.name}) | {title[1]} |" in index


def test_decisions_that_code_names_are_there() -> None:
    known = {page.stem[:4] for page in DECISIONS}
    named = {
        number
        for path in tracked()
        if path.endswith((".py", ".sql")) and path != "tests/test_docs.py"
        for number in NAMED.findall((ROOT / path).read_text())
    }
    assert named
    assert named <= known
