"""The report of differences, and what the recorder takes out of a text before they are sought."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.behaviour.compare import report
from tests.behaviour.normalise import by_appearance, page_text
from tests.behaviour.pages import pattern_of, shown
from tests.behaviour.setting_names import NAMES, Assignments
from tests.behaviour.visible_text import read_page
from tests.conftest import ROOT

RECORD: dict[str, Any] = {
    "pages": {"en visitor": {"/arena/": {"status": 200, "text": "Ask two models one question."}}},
    "trainers": {"reward": {"metrics": {"accuracy": 0.5}, "sha256": "aa"}},
}


def altered(**pages: Any) -> dict[str, Any]:
    """Return the record with another page in place of the arena."""
    return {**RECORD, "pages": {"en visitor": {"/arena/": pages}}}


def test_equal_records_have_no_report() -> None:
    assert report(RECORD, json.loads(json.dumps(RECORD))) == []


def test_a_text_is_compared_word_by_word() -> None:
    lines = report(RECORD, altered(status=200, text="Ask two models the same question."))
    assert lines[1:3] == [
        "en visitor › /arena/ › text",
        "    Ask two models [-one-] {+the same+} question.",
    ]


def test_one_change_on_many_pages_is_told_once() -> None:
    before = {"pages": {f"/{n}/": {"text": "Put back; go on"} for n in range(3)}}
    after = {"pages": {f"/{n}/": {"text": "Skipped; go on"} for n in range(3)}}
    assert sum("Skipped" in line for line in report(before, after)) == 1


def test_numbers_say_how_far_apart_they_are() -> None:
    after = {**RECORD, "trainers": {"reward": {"metrics": {"accuracy": 0.25}, "sha256": "aa"}}}
    assert "    0.5 → 0.25 (5.0e-01 relative)" in report(RECORD, after)


def test_what_one_record_lacks_is_named() -> None:
    after = {**RECORD, "trainers": {"reward": {"metrics": {}, "sha256": "aa"}}}
    assert "reward › metrics › accuracy" in report(RECORD, after)
    assert report(RECORD, {"pages": RECORD["pages"]})[0].startswith("== trainers")


def test_the_command_ends_with_1_where_anything_differs(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("before", "after")]
    for file, record in zip(files, [RECORD, altered(status=404)], strict=True):
        file.write_text(json.dumps(record))
    command = [sys.executable, "-m", "tests.behaviour.compare"]
    for pair, status in ((files, 1), (files[:1] * 2, 0)):
        done = subprocess.run([*command, *pair], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == status


def test_identifiers_become_the_order_of_their_appearance() -> None:
    one, other = "23456789abcdefgh", "0198f0c2-7c1e-7abc-8def-0123456789ab"
    assert by_appearance(f'"{one}","{other}","{one}"') == '"<id 1>","<id 2>","<id 1>"'


def test_times_and_secrets_of_a_page_become_marks() -> None:
    said = "Since 1 December 2026,\n at 2026-12-01T11:31:46+00:00, in 3.2 s, by 23456789abcdefgh"
    assert page_text(said) == "Since <date>, at <time>, in <duration>, by <id>"
    assert page_text("Am 3. März 2026, 14:05 Uhr") == "Am <date> Uhr"
    assert page_text("12 of 30 judged; rating 1,190") == "12 of 30 judged; rating 1,190"


def test_prompts_of_the_pool_become_marks_even_cut_short() -> None:
    prompt = "How do I get a really good crust on a steak without overcooking the inside?"
    text = f"first {prompt} 0.36 How do I get a really good crust … 0.38"
    assert page_text(text, prompts=[prompt]) == "first <prompt> 0.36 <prompt> 0.38"


def test_a_page_is_read_without_scripts_and_texts_of_the_pool() -> None:
    page = read_page(
        '<script>no()</script><p dir="auto">An <b>answer</b></p><p>Which is <i>better</i>?<br></p>'
        '<a href="/data/" title="The data">Data</a><form method="post" action="/x/">'
        '<input name="q" placeholder="Words"></form>'
    )
    texts = ["<text of the pool>", "Which is ", "better", "?", "[The data]", "Data", "[Words]"]
    assert page.texts == texts
    assert page.controls == ["a href=/data/", "form action=/x/ method=post", "input name=q"]


def test_a_route_is_known_by_its_fixed_parts() -> None:
    assert shown("models/<word:slug>/") == shown("models/<public:model>/") == "/models/<>/"
    assert pattern_of("runs/<int:number>/again/").fullmatch("/runs/3/again/")
    assert not pattern_of("runs/<int:number>/").fullmatch("/runs/3/again/")


def test_a_refused_setting_is_tried_under_its_next_name() -> None:
    settings = Assignments({"epochs": 3, "seed": 1})
    assert settings.rename("--set: unknown setting 'epochs'; known are seed, num_train_epochs")
    assert settings.words() == [f"{NAMES['epochs'][1]}=3", "seed=1"]
    assert not settings.rename("unknown setting 'seed'")
