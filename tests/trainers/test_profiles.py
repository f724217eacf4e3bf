"""Profiles: any file onto a format, and those that are shipped for real public files."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from trainers.data.formats import FORMATS, OutcomeRecord, PairRecord, ResponseRecord, Skipped, read
from trainers.data.formats.profiles import load_profile
from trainers.errors import InputError

BASE = """
format = "preferences"
[columns]
prompt = ["instruction", "input"]
response_a = "one"
response_b = "two"
external_id = "id"
[constants]
source = "Test"
licence = "MIT"
[[judgments]]
choice = "verdict"
rater = "annotator 1"
values = {1 = "a", 2 = "b", 0 = "tie"}
"""
ROW = {"id": 5, "instruction": "Do it.", "input": "", "one": "A", "two": "B", "verdict": 1}


def read_with(
    tmp_path: Path,
    profile: str,
    *rows: dict[str, Any],
    format: str = "preferences",  # noqa: A002
) -> list[Any]:
    file, toml = tmp_path / "rows.jsonl", tmp_path / "profile.toml"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    toml.write_text(profile)
    return list(read(file, format=format, profile=toml))


def test_columns_constants_and_judgments_make_a_record(tmp_path: Path) -> None:
    (pair,) = read_with(tmp_path, BASE, ROW)
    assert pair.messages == ({"role": "user", "content": "Do it."},)
    assert (pair.external_id, pair.source, pair.licence) == ("5", "Test", "MIT")
    (judgment,) = pair.judgments
    assert (judgment.rater, judgment.rater_kind, judgment.choice) == ("annotator 1", "human", "a")


def test_several_columns_are_joined_by_an_empty_line(tmp_path: Path) -> None:
    (pair,) = read_with(tmp_path, BASE, {**ROW, "input": "With this."})
    assert pair.messages[0]["content"] == "Do it.\n\nWith this."


@pytest.mark.parametrize("value", [1, 1.0, "1"])
def test_values_are_compared_as_text(tmp_path: Path, value: object) -> None:
    (pair,) = read_with(tmp_path, BASE, {**ROW, "verdict": value})
    assert pair.judgments[0].choice == "a"


def test_an_unlisted_value_is_skipped_and_an_absent_one_is_no_judgment(tmp_path: Path) -> None:
    skipped, pair = read_with(tmp_path, BASE, {**ROW, "verdict": 9}, {**ROW, "verdict": None})
    assert isinstance(skipped, Skipped)
    assert (skipped.row, skipped.column, skipped.reason) == (1, "verdict", "unknown choice")
    assert pair.judgments == ()


def test_a_refused_verdict_leaves_the_rows_other_verdicts(tmp_path: Path) -> None:
    second = '[[judgments]]\nchoice = "other"\nrater_column = "who"\nrater_kind = "ai"\n'
    row = {**ROW, "verdict": 9, "other": "tie", "who": "GPT"}
    skipped, pair = read_with(tmp_path, BASE + second, row)
    assert isinstance(skipped, Skipped)
    assert [(j.rater, j.rater_kind, j.choice) for j in pair.judgments] == [("GPT", "ai", "tie")]


def test_a_judgment_block_reads_its_other_columns(tmp_path: Path) -> None:
    extra = (
        'duration_seconds = "s"\ncreated_at = "at"\nrationale = "why"\nstrength = "how"\n'
        'confidence = "sure"\n'
    )
    row = {**ROW, "s": 1.5, "at": "2026-01-02 03:04:05.0 UTC", "why": "ok", "how": 2, "sure": 0.5}
    (pair,) = read_with(tmp_path, BASE + extra, row)
    (judgment,) = pair.judgments
    assert (judgment.duration_ms, judgment.rationale, judgment.strength) == (1500, "ok", 2.0)
    assert judgment.confidence == 0.5
    assert str(judgment.created_at) == "2026-01-02 03:04:05+00:00"


def test_a_share_of_votes_is_one_judgment_as_strong_as_the_majority(tmp_path: Path) -> None:
    profile = BASE.replace('choice = "verdict"', 'share = "p"')
    profile = profile.replace('values = {1 = "a", 2 = "b", 0 = "tie"}', "")
    rows = [{**ROW, "p": p} for p in (0.75, 0.0, 0.5)]
    found = [pair.judgments[0] for pair in read_with(tmp_path, profile, *rows)]
    assert [(j.choice, j.strength) for j in found] == [("a", 0.5), ("b", 1.0), ("tie", None)]


def test_a_flag_tells_both_bad_from_a_tie(tmp_path: Path) -> None:
    profile = BASE + 'both_bad = "bad"\n'
    rows = [{**ROW, "verdict": 0, "bad": flag} for flag in (True, False, None)]
    rows.append({**ROW, "verdict": 1, "bad": True})
    found = [pair.judgments[0].choice for pair in read_with(tmp_path, profile, *rows)]
    assert found == ["both_bad", "tie", "tie", "a"]


def test_where_keeps_rows_with_these_values(tmp_path: Path) -> None:
    profile = 'where = {app = "Gmail", n = 2}\n' + BASE
    rows = [{**ROW, "app": app, "n": n} for app, n in (("Gmail", 2), ("Gmail", 3), ("Maps", 2))]
    assert len(read_with(tmp_path, profile, *rows)) == 1


def test_a_join_adds_columns_and_skips_what_has_no_match(tmp_path: Path) -> None:
    questions = [{"q": 1, "instruction": "Do it.", "input": None}]
    (tmp_path / "questions.json").write_text(json.dumps(questions))
    profile = 'join = {path = "questions.json", on = "q"}\n' + BASE
    row = {key: ROW[key] for key in ("id", "one", "two", "verdict")}
    pair, skipped = read_with(tmp_path, profile, {**row, "q": 1}, {**row, "q": 2})
    assert pair.messages[0]["content"] == "Do it."
    assert isinstance(skipped, Skipped)
    assert (skipped.row, skipped.column, skipped.reason) == (2, "q", "no match in joined file")


def test_joins_follow_each_other_with_prefixes(tmp_path: Path) -> None:
    texts = [{"key": "x", "text": "A"}, {"key": "y", "text": "B"}]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    (tmp_path / "pairs.json").write_text(json.dumps([{"pair": 1, "l": "x", "r": "y"}]))
    profile = """
format = "preferences"
[[join]]
path = "pairs.json"
on = "pair"
[[join]]
path = "texts.json"
left = "l"
right = "key"
prefix = "left_"
[[join]]
path = "texts.json"
left = "r"
right = "key"
prefix = "right_"
[columns]
prompt = "prompt"
response_a = "left_text"
response_b = "right_text"
"""
    (pair,) = read_with(tmp_path, profile, {"pair": 1, "prompt": "Which?"})
    assert (pair.response_a, pair.response_b, pair.judgments) == ("A", "B", ())


def test_a_join_needs_a_unique_key(tmp_path: Path) -> None:
    (tmp_path / "twice.json").write_text(json.dumps([{"id": 5}, {"id": 5}]))
    with pytest.raises(InputError, match=r"twice\.json, row 2, column 'id': 5 occurs twice"):
        read_with(tmp_path, 'join = {path = "twice.json", on = "id"}\n' + BASE, ROW)


def test_a_list_of_options_becomes_lettered_lines(tmp_path: Path) -> None:
    profile = BASE.replace('"input"]', '"options"]')
    profile = 'lettered = ["options"]\n' + profile
    written, listed, broken = read_with(
        tmp_path,
        profile,
        {**ROW, "options": '["red", "blue"]'},
        {**ROW, "options": ["red", "blue"]},
        {**ROW, "options": "red"},
    )
    assert written.messages[0]["content"] == "Do it.\n\nA. red\nB. blue"
    assert written.messages == listed.messages
    assert (broken.column, broken.reason) == ("options", "wrong type")


WIDE = """
format = "outcomes"
[columns]
question_id = "q"
external_id = "q"
[wide]
models = ["ada", "bob"]
scores = {1 = 1.0, 0 = 0.0, -1 = 0.0}
[topics]
column = "subject"
"""


def test_a_wide_file_becomes_one_outcome_a_model_that_was_run(tmp_path: Path) -> None:
    rows = [
        {"q": 1, "subject": "law", "ada": 1, "bob": -1},
        {"q": 2, "subject": "law", "ada": None, "bob": 7},
    ]
    good, wrong, unknown = read_with(tmp_path, WIDE, *rows, format="outcomes")
    assert (good.model, good.score, good.topics, good.external_id) == (
        "ada",
        1.0,
        ("law",),
        "1/ada",
    )
    assert (wrong.model, wrong.score) == ("bob", 0.0)
    assert isinstance(unknown, Skipped)
    assert (unknown.row, unknown.column, unknown.reason) == (2, "bob", "unknown score")


def test_a_wide_file_may_name_what_is_no_model(tmp_path: Path) -> None:
    profile = WIDE.replace('models = ["ada", "bob"]', 'except = ["q", "subject"]')
    row = {"q": 1, "subject": "law", "ada": 1, "eve": 0}
    found = read_with(tmp_path, profile, row, format="outcomes")
    assert [(record.model, record.score) for record in found] == [("ada", 1.0), ("eve", 0.0)]


def test_a_long_file_may_translate_its_scores(tmp_path: Path) -> None:
    profile = """
format = "outcomes"
[columns]
question_id = "q"
model = "m"
score = "correct"
[scores]
1 = 1.0
-1 = 0.0
"""
    rows = [{"q": 1, "m": "ada", "correct": value} for value in (1, -1, 3)]
    right, wrong, unknown = read_with(tmp_path, profile, *rows, format="outcomes")
    assert (right.score, wrong.score) == (1.0, 0.0)
    assert (unknown.column, unknown.reason) == ("score", "unknown score")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("one", "uno"), r"rows\.jsonl, column 'uno': the column is missing"),
        (("response_a", "answer_a"), "preferences has no column 'answer_a'"),
        (('response_b = "two"\n', ""), "preferences needs 'response_b' or 'model_b'"),
        (('"preferences"', '"outcomes"'), "is for 'outcomes', not for 'preferences'"),
        (("[constants]", "[constant]"), "key 'constant': unknown key"),
        (('0 = "tie"', '0 = "draw"'), "unknown choice 'draw'"),
        (('rater = "annotator 1"', ""), "needs either `rater` or `rater_column`"),
        (('choice = "verdict"', ""), "needs either `choice` or `share`"),
        (("[columns]", "[columns"), "is not TOML"),
        (('format = "preferences"', ""), "key 'format': must be a text"),
        (('"two"', "2"), r"key 'columns\.response_b': must be a text"),
        (("[columns]", 'join = {path = "no.csv", on = "id"}\n[columns]'), "no.csv lies neither"),
        (("[columns]", 'join = {path = "rows.jsonl"}\n[columns]'), "needs `on`"),
    ],
)
def test_a_wrong_profile_is_refused_before_the_first_row(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    profile = BASE.replace(*change)
    assert profile != BASE
    with pytest.raises(InputError, match=message):
        read_with(tmp_path, profile, ROW)


def test_the_source_of_the_caller_wins_over_the_profiles(tmp_path: Path) -> None:
    read_with(tmp_path, BASE, ROW)
    found = read(
        tmp_path / "rows.jsonl",
        format="preferences",
        profile=tmp_path / "profile.toml",
        source="Mine",
    )
    assert [record.source for record in found if isinstance(record, PairRecord)] == ["Mine"]


# --- the shipped profiles, on the whole real files ------------------------------------------

# profile: (file, records, judgments, skipped)
REAL = {
    "arena_human_ai_votes": (None, 13_376, 53_504, {}),
    "human_pairs": (None, 4_806, 4_806, {}),
    "llmfao_ai_all_pairs": (None, 3_236, 6_472, {}),
    "llmfao_pairs": (None, 2_139, 4_278, {}),
    "llmfao_responses": (None, 1_133, 0, {}),
    "llmfao_votes": (None, 8_931, 8_931, {}),
    "mmlu_pro_correctness": (None, 394_069, 0, {}),
    "mmlu_pro_responses_sample": (None, 27_545, 0, {}),
    "mmlu_pro_sample_outcomes": ("mmlu_pro_responses_sample", 27_545, 0, {}),
    # 25 verdicts of GPT-3.5 could not be parsed: -1.
    "pandalm_pairs": (None, 999, 4_970, {"unknown choice": 25}),
    "routellm_mmlu_gsm8k": (None, 30_722, 0, {}),
    # Fifteen pairs set an argument against another of the very same words.
    "ukpconv_votes": (None, 84_370, 84_370, {"same on both sides": 75}),
}


@pytest.mark.parametrize("name", REAL)
def test_a_shipped_profile_reads_the_whole_real_file(shared_data: Path, name: str) -> None:
    file, records, judgments, skipped = REAL[name]
    path = shared_data / f"{file or name}.parquet"
    layout = load_profile(Path(name)).format
    reasons: Counter[str] = Counter()
    found, judged = 0, 0
    for record in read(path, format=layout, profile=Path(name)):
        if isinstance(record, Skipped):
            reasons[record.reason] += 1
            continue
        found += 1
        judged += len(record.judgments) if isinstance(record, PairRecord) else 0
        assert record.licence
        assert record.messages or record.question_id
    assert (found, judged, dict(reasons)) == (records, judgments, skipped)


def test_every_shipped_profile_is_tried_on_its_file() -> None:
    folder = Path(load_profile(Path("human_pairs")).path).parent
    assert {path.stem for path in folder.glob("*.toml")} == set(REAL)
    assert all(load_profile(path).format in FORMATS for path in folder.glob("*.toml"))


def first(shared_data: Path, name: str) -> Any:
    path = shared_data / f"{name}.parquet"
    return next(read(path, format=load_profile(Path(name)).format, profile=Path(name)))


def test_pandalm_has_three_people_and_two_judges_with_reasons(shared_data: Path) -> None:
    pair = first(shared_data, "pandalm_pairs")
    assert [j.rater_kind for j in pair.judgments] == ["human"] * 3 + ["ai"] * 2
    assert pair.judgments[3].rationale.startswith("Response 1 is better")
    assert (pair.source, pair.licence, pair.topics) == ("PandaLM", "Apache-2.0", ("Grammarly",))


def test_ukpconv_votes_find_the_texts_of_both_arguments(shared_data: Path) -> None:
    pair = first(shared_data, "ukpconv_votes")
    assert "Alliance for a Healthier Generation" in pair.response_a
    (judgment,) = pair.judgments
    assert (judgment.rater, judgment.choice, judgment.duration_ms) == ("w1313", "b", 393_000)
    assert pair.messages[0]["content"] == "Ban Plastic Water Bottles\n\nNo Bad For the Economy"


def test_arena_votes_know_both_bad_from_tie(shared_data: Path) -> None:
    path = shared_data / "arena_human_ai_votes.parquet"
    name = Path("arena_human_ai_votes")
    choices = Counter(
        record.judgments[0].choice
        for record in read(path, format="preferences", profile=name)
        if isinstance(record, PairRecord)
    )
    assert set(choices) == {"a", "b", "tie", "both_bad"}


def test_mmlu_questions_come_with_lettered_options(shared_data: Path) -> None:
    record = first(shared_data, "mmlu_pro_correctness")
    assert isinstance(record, OutcomeRecord)
    assert "\n\nA. is unresponsive to all stimuli" in record.messages[0]["content"]
    answer = first(shared_data, "mmlu_pro_responses_sample")
    assert isinstance(answer, ResponseRecord)
    assert "\nB. " in answer.messages[0]["content"]
