"""Public layouts, in rows shaped like the real files'."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainers.data.formats import PairRecord, Record, Skipped, read


def records(tmp_path: Path, layout: str, *rows: dict[str, Any]) -> list[Record | Skipped]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(read(path, format=layout))


def pairs(tmp_path: Path, layout: str, *rows: dict[str, Any]) -> list[PairRecord]:
    found = records(tmp_path, layout, *rows)
    assert all(isinstance(record, PairRecord) for record in found), found
    return [record for record in found if isinstance(record, PairRecord)]


def user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def assistant(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


# --- trl ------------------------------------------------------------------------------------


TRL = {
    "strings": {"prompt": "Why?", "chosen": "Because.", "rejected": "No."},
    "messages": {
        "prompt": [user("Why?")],
        "chosen": [assistant("Because.")],
        "rejected": [assistant("No.")],
    },
    "implicit messages": {
        "chosen": [user("Why?"), assistant("Because.")],
        "rejected": [user("Why?"), assistant("No.")],
    },
    "prompt repeated in messages": {
        "prompt": "Why?",
        "chosen": [user("Why?"), assistant("Because.")],
        "rejected": [user("Why?"), assistant("No.")],
    },
    "implicit string": {"chosen": "Why? Because.", "rejected": "Why? No."},
    "implicit dialogue": {
        "chosen": "\n\nHuman: Why?\n\nAssistant: Because.",
        "rejected": "\n\nHuman: Why?\n\nAssistant: No.",
    },
}


@pytest.mark.parametrize("layout", TRL)
def test_trl_rows_of_every_layout_mean_the_same(tmp_path: Path, layout: str) -> None:
    (pair,) = pairs(tmp_path, "trl", TRL[layout])
    assert pair.messages == (user("Why?"),)
    assert (pair.response_a, pair.response_b) == ("Because.", "No.")
    assert [judgment.choice for judgment in pair.judgments] == ["a"]


def test_trl_rows_that_only_ai_judged_have_an_ai_rater(tmp_path: Path) -> None:
    (pair,) = pairs(tmp_path, "trl", {**TRL["strings"], "n_human": 0, "n_ai": 2})
    assert pair.judgments[0].rater_kind == "ai"


def test_trl_rows_with_nothing_in_common_are_skipped(tmp_path: Path) -> None:
    (item,) = records(tmp_path, "trl", {"chosen": "Because.", "rejected": "No."})
    assert isinstance(item, Skipped)
    assert item.reason == "no prompt"


# --- hh -------------------------------------------------------------------------------------


def test_hh_dialogues_share_their_turns(tmp_path: Path) -> None:
    opening = "\n\nHuman: Hi\n\nAssistant: Hello: what now?\n\nHuman: Sing.\n\nAssistant:"
    row = {"chosen": f"{opening} La la.\n\nLa.", "rejected": f"{opening} Never."}
    (pair,) = pairs(tmp_path, "hh", row)
    assert pair.messages == (user("Hi"), assistant("Hello: what now?"), user("Sing."))
    assert (pair.response_a, pair.response_b) == ("La la.\n\nLa.", "Never.")


def test_hh_dialogues_that_part_early_are_skipped(tmp_path: Path) -> None:
    row = {
        "chosen": "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: A\n\nAssistant: B",
        "rejected": "\n\nHuman: Hi\n\nAssistant: No.\n\nHuman: A\n\nAssistant: C",
    }
    plain = {"chosen": "no speakers here", "rejected": "nor here"}
    parted, spoken = records(tmp_path, "hh", row, plain)
    assert isinstance(parted, Skipped)
    assert parted.reason == "contexts differ"
    assert isinstance(spoken, Skipped)
    assert spoken.reason == "not a dialogue"


# --- arena ----------------------------------------------------------------------------------


ARENA = {
    "question_id": "q1",
    "model_a": "koala-13b",
    "model_b": "vicuna-7b",
    "winner": "model_b",
    "judge": "arena_user_9",
    "conversation_a": [user("Why?"), assistant("Because.")],
    "conversation_b": [user("Why?"), assistant("No.")],
    "language": "English",
    "tstamp": 1682351591.1,
}


def test_an_arena_row_has_its_answers_and_its_voter(tmp_path: Path) -> None:
    (pair,) = pairs(tmp_path, "arena", ARENA)
    assert pair.messages == (user("Why?"),)
    assert (pair.response_a, pair.response_b, pair.question_id) == ("Because.", "No.", "q1")
    (judgment,) = pair.judgments
    assert (judgment.rater, judgment.choice) == ("arena_user_9", "b")
    assert judgment.created_at is not None
    assert judgment.created_at.year == 2023


@pytest.mark.parametrize(
    ("winner", "choice"),
    [
        ("model_a", "a"),
        ("model_b", "b"),
        ("tie", "tie"),
        ("tie (bothbad)", "both_bad"),
        ("both_bad", "both_bad"),
    ],
)
def test_an_arena_vote_needs_no_conversation(tmp_path: Path, winner: str, choice: str) -> None:
    row = {"question_id": 7, "model_a": "x", "model_b": "y", "winner": winner}
    (pair,) = pairs(tmp_path, "arena", row)
    assert (pair.messages, pair.response_a, pair.question_id) == ((), None, "7")
    assert pair.judgments[0].choice == choice


def test_arena_conversations_that_part_after_the_first_turn_keep_the_vote(tmp_path: Path) -> None:
    row = {
        **ARENA,
        "conversation_a": [*ARENA["conversation_a"], user("So?"), assistant("So.")],  # type: ignore[misc]
        "conversation_b": [*ARENA["conversation_b"], user("So?"), assistant("Oh.")],  # type: ignore[misc]
    }
    (pair,) = pairs(tmp_path, "arena", row)
    assert pair.messages == (user("Why?"),)
    assert (pair.response_a, pair.response_b) == (None, None)
    assert pair.model_a == "koala-13b"


def test_an_arena_winner_that_is_not_listed_is_never_guessed(tmp_path: Path) -> None:
    (item,) = records(tmp_path, "arena", {**ARENA, "winner": "left"})
    assert isinstance(item, Skipped)
    assert (item.column, item.reason) == ("winner", "unknown choice")


def test_a_model_against_itself_is_no_comparison(tmp_path: Path) -> None:
    row = {"question_id": 7, "model_a": "x", "model_b": "x", "winner": "tie"}
    (item,) = records(tmp_path, "arena", row)
    assert isinstance(item, Skipped)
    assert item.reason == "same on both sides"


# --- multipref ------------------------------------------------------------------------------


def annotation(evaluator: str, overall: str) -> dict[str, Any]:
    return {
        "evaluator": evaluator,
        "overall_pref": overall,
        "overall_confidence": "fairly-confident",
        "helpful_pref": "A-is-clearly-better",
        "truthful_pref": "Tie",
        "harmless_pref": None,
        "time_spent": 41,
        "timestamp": "2024-04-19T17:03:11",
    }


def test_multipref_gives_every_annotators_verdict(tmp_path: Path) -> None:
    row = {
        "comparison_id": "c9",
        "prompt_id": "p9",
        "text": "Why?",
        "completion_a": "Because.",
        "completion_b": "No.",
        "model_a": "tulu",
        "model_b": "olmo",
        "source": "anthropic/helpful-base",
        "category": "Open QA",
        "normal_worker_annotations": [
            annotation("w1", "A-is-clearly-better"),
            annotation("w2", "B-is-slightly-better"),
        ],
        "expert_worker_annotations": [annotation("e1", "Tie")],
    }
    (pair,) = pairs(tmp_path, "multipref", row)
    verdicts = [(j.rater, j.choice, j.strength) for j in pair.judgments]
    assert verdicts == [("w1", "a", 1.0), ("w2", "b", 0.5), ("e1", "tie", None)]
    assert pair.judgments[0].aspects == {"helpful": "a", "truthful": "tie"}
    assert pair.judgments[0].duration_ms == 41_000
    assert pair.judgments[0].confidence == pytest.approx(2 / 3)
    assert (pair.external_id, pair.topics) == ("c9", ("Open QA",))


# --- ultrafeedback --------------------------------------------------------------------------


def completion(model: str, response: str, *ratings: str) -> dict[str, Any]:
    aspects = ("helpfulness", "honesty", "instruction_following", "truthfulness")
    return {
        "model": model,
        "response": response,
        "overall_score": 7.0,
        "annotations": {
            aspect: {"Rating": rating, "Rationale": "…"}
            for aspect, rating in zip(aspects, ratings, strict=True)
        },
    }


def test_ultrafeedback_compares_every_two_completions(tmp_path: Path) -> None:
    row = {
        "source": "evol_instruct",
        "instruction": "Why?",
        "models": ["x", "y", "z"],
        "completions": [
            completion("x", "Because.", "5", "5", "5", "5"),
            completion("y", "No.", "1", "N/A", "1", "1"),
            completion("z", "Well.", "5", "5", "5", "5"),
        ],
    }
    found = pairs(tmp_path, "ultrafeedback", row)
    verdicts = [(p.model_a, p.model_b, p.judgments[0].choice) for p in found]
    assert verdicts == [("x", "y", "a"), ("x", "z", "tie"), ("y", "z", "b")]
    (judgment,) = found[0].judgments
    assert (judgment.rater_kind, judgment.strength) == ("ai", 1.0)
    assert "honesty" not in judgment.aspects
    assert judgment.aspects["helpfulness"] == "a"


def test_binarised_ultrafeedback_keeps_equal_scores_as_ties(tmp_path: Path) -> None:
    row = {
        "prompt": "Why?",
        "messages": [user("Why?"), assistant("Because.")],
        "chosen": [user("Why?"), assistant("Because.")],
        "rejected": [user("Why?"), assistant("No.")],
        "score_chosen": 8.0,
        "score_rejected": 8.0,
    }
    tie, win = pairs(tmp_path, "ultrafeedback", row, {**row, "score_rejected": 2.0})
    assert [pair.judgments[0].choice for pair in (tie, win)] == ["tie", "a"]
    assert win.messages == (user("Why?"),)


# --- helpsteer ------------------------------------------------------------------------------


def scored(prompt: str, response: str, helpfulness: int) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "response": response,
        "helpfulness": helpfulness,
        "correctness": helpfulness,
        "coherence": 4,
        "complexity": 1,
        "verbosity": 2,
    }


def test_helpsteer_pairs_consecutive_responses_to_one_prompt(tmp_path: Path) -> None:
    found = records(
        tmp_path,
        "helpsteer",
        scored("p1", "good", 4),
        scored("p1", "bad", 1),
        scored("p2", "alone", 3),
        scored("p3", "worse", 0),
        scored("p3", "better", 2),
    )
    first, alone, last = found
    assert isinstance(first, PairRecord)
    assert isinstance(last, PairRecord)
    assert isinstance(alone, Skipped)
    assert (first.judgments[0].choice, first.judgments[0].strength) == ("a", 0.75)
    assert first.judgments[0].aspects["coherence"] == "tie"
    assert (alone.row, alone.reason) == (3, "nothing to compare")
    assert (last.row, last.judgments[0].choice) == (4, "b")


def test_helpsteer_preferences_run_from_minus_three_to_three(tmp_path: Path) -> None:
    steer2 = {
        "prompt": "Why?",
        "response_1": "Because.",
        "response_2": "No.",
        "preference_strength": -3,
        "preference_elaboration": "The second refuses.",
    }
    steer3 = {
        "domain": "general",
        "language": "english",
        "context": [user("Why?"), assistant("What?"), user("Why!")],
        "response1": "Because.",
        "response2": "No.",
        "overall_preference": 1,
        "individual_preference": [
            {"score": 2, "reasoning": "shorter"},
            {"score": 0, "reasoning": "same"},
        ],
    }
    (second,) = pairs(tmp_path, "helpsteer", steer2)
    assert (second.judgments[0].choice, second.judgments[0].strength) == ("a", 1.0)
    (third,) = pairs(tmp_path, "helpsteer", steer3)
    assert [judgment.choice for judgment in third.judgments] == ["b", "tie"]
    assert len(third.messages) == 3
    (item,) = records(tmp_path, "helpsteer", {**steer2, "preference_strength": 5})
    assert isinstance(item, Skipped)
    assert item.reason == "unknown choice"
