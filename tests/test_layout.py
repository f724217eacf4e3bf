"""The shape of the house: folders, the size of modules, what is never there."""

import ast
import platform
import re
import subprocess
from pathlib import Path

from tests.conftest import ROOT
from trainers.pretrained.packages import MINILM, SMOLLM2

PACKAGES = ("platform/config", "feedback", "trainers")
GENERATED = "migrations"
MODULES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if GENERATED not in path.parts
)
TOP = {"manage.py", "platform", "feedback", "trainers", "templates", "docker", "tests", "docs"}
FOR_TOOLS = {"README.md", "LICENSE", "Makefile", "pyproject.toml", ".ci", ".gitignore"}
FOR_TOOLS |= {
    "CONTRIBUTING.md",
    ".dockerignore",
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-gpu.lock",
    "requirements-models.lock",
}
MODELS_LOCK = ROOT / "requirements-models.lock"
LONGEST_MODULE = 400
LONGEST_LINE_OF_A_TEMPLATE = 120
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")


def test_the_platform_folder_does_not_shadow_the_standard_library() -> None:
    entries = {path.name for path in (ROOT / "platform").iterdir()} - {"__pycache__"}
    assert entries == {"config"}
    assert platform.system()
    assert Path(platform.__file__).parent != ROOT / "platform"


def test_the_top_level_holds_what_the_design_fixes() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    entries = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert entries <= TOP | FOR_TOOLS
    assert entries >= TOP


def test_modules_are_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in MODULES}
    too_long = {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > LONGEST_MODULE}
    assert too_long == {}


def test_lines_of_templates_are_short() -> None:
    """What the formatter leaves on one line, a long sentence or template tag, is ours to break."""
    too_long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > LONGEST_LINE_OF_A_TEMPLATE
    ]
    assert too_long == []


def test_every_module_says_what_it_is_and_is_finished() -> None:
    for path in MODULES:
        text = path.read_text()
        assert not text or ast.get_docstring(ast.parse(text)), f"{path} needs a docstring"
        assert not UNFINISHED.search(text), path


def test_nothing_is_unpickled() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
                assert not names & {"pickle", "dill", "cloudpickle"}, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("torch", "load"), path


def test_locks_pin_versions_and_name_no_host_and_no_folder() -> None:
    for lock in set(ROOT.glob("requirements*.lock")) - {MODELS_LOCK}:
        for line in lock.read_text().splitlines():
            assert re.match(r"[\w.-]+(\[[\w,-]+\])?==[\w.!+-]+( ;|$)", line), f"{lock.name}: {line}"
        assert "torch==2.13.0" in lock.read_text().splitlines()


def test_the_lock_of_models_pins_the_packages_whose_weights_are_known_by_their_bytes() -> None:
    lines = MODELS_LOCK.read_text().splitlines()
    pins = [re.fullmatch(r"([\w.-]+)==[\d.]+ --hash=sha256:[0-9a-f]{64}", line) for line in lines]
    assert all(pins), lines
    assert {pin[1] for pin in pins if pin} == {MINILM.distribution, SMOLLM2.distribution}
