"""A verdict is stored as a code with numbers and read as sentences, in the reader's language."""

from typing import Any
from unittest.mock import patch

import pytest

from feedback.training.models import Checkpoint
from feedback.training.promotion import verdict_text as sentences
from feedback.training.promotion.verdict_text import VerdictCode, verdict_text

COMPARED = {
    "against": "v3",
    "difference": 0.0191,
    "ci": [-0.004, 0.02],
    "prompts": 400,
    "newer_only": False,
}
NUMBERS = "+1.9 points (−0.4 to +2.0) on 400 test prompts."
NUMBERS_OF_NEWER = "+1.9 points (−0.4 to +2.0) on 400 test prompts with newer judgments."
REWARD = {
    "kind": "reward",
    "accuracy": 0.7,
    "baseline_majority_accuracy": 0.5,
    "baseline_length_accuracy": 0.68,
}
EMBEDDING = {
    "kind": "embedding",
    "log_loss": 0.6,
    "model_mean_log_loss": 0.62,
    "preference_log_loss": 0.53,
    "preference_mean_log_loss": 0.58,
    "routed_gain": 0.01,
    "routed_gain_ci": [-0.01, 0.03],
    "is_liked": True,
}
CLAUSES = (
    "log loss 0.600 against 0.620 of each model's mean",
    "of comparisons 0.530 against 0.580",
    "routed +1.0 points (−1.0 to +3.0) beside the best single model",
)
DISLIKED = {"is_liked": False, "duels_dr_ci": [0.41, 0.48]}
IMPLICIT = "implicit accuracy 56.0 %, at least 51.0 %, against 50.0 %."
POLICY = {"kind": "policy", "implicit_accuracy": 0.56, "implicit_accuracy_ci": [0.51, 0.61]}
ANSWERS = {
    "reward_gain": 0.31,
    "reward_gain_ci": [0.1, 0.52],
    "judged": {
        "judge": "solomon",
        "problem": None,
        "wins": {"share": 0.62, "ci": [0.55, 0.69], "pairs": 32},
        "agreement": {"share": 0.7, "ci": [0.6, 0.8], "pairs": 40},
        "against": {"share": 0.52, "ci": [0.42, 0.61], "pairs": 30},
    },
    "missing": [],
}
SAID_OF_ANSWERS = (
    "Reward: +0.31 beside its base (+0.10 to +0.52). "
    "The judge solomon prefers its answers in 62.0 % (55.0 to 69.0) of 32 pairs. "
    "It prefers them to those of what is live in 52.0 % (42.0 to 61.0) of 30 pairs. "
    "The judge agrees with known winners in 70.0 % (60.0 to 80.0) of 40 pairs."
)
UNPROVEN = (
    "Kept: its answers are not shown to be better than its base’s: no reward model has scored its "
    "answers; no judge model is set (JUDGE_MODEL)."
)
UNJUDGED = {"judge": "", "problem": "none", "wins": None, "agreement": None, "against": None}
FIRST = "This first version is better than the baseline: "


@pytest.mark.parametrize(
    ("code", "evidence", "text"),
    [
        ("no_gate", {}, "A ranking states what was judged; it has no gate."),
        (
            "too_few",
            {"against": "v1", "prompts": 4},
            "4 test prompts are too few to compare it with v1.",
        ),
        (
            "unmeasured",
            {"artifact": "abc"},
            "Kept: abc could not be measured on the newer data; see the log.",
        ),
        ("overtaken", COMPARED, "Kept: while it was compared, something else was promoted."),
        ("worse", COMPARED, f"Refused: it is worse than v3. {NUMBERS}"),
        ("nothing_newer", COMPARED, f"Kept: it saw no newer data than v3. {NUMBERS}"),
        ("unsure", COMPARED, f"Kept: it might be worse than v3. {NUMBERS}"),
        (
            "not_worse",
            COMPARED,
            f"Promoted: it is not worse than v3 and saw newer data. {NUMBERS}",
        ),
        (
            "better",
            COMPARED | {"newer_only": True},
            "Promoted: it is better than v3 and saw newer data. " + NUMBERS_OF_NEWER,
        ),
        ("above_baseline", REWARD, f"{FIRST}accuracy 70.0 % against 68.0 %."),
        (
            "above_baseline",
            EMBEDDING,
            FIRST + ", ".join(CLAUSES) + ".",
        ),
        (
            "above_baseline",
            POLICY,
            f"{FIRST}{IMPLICIT}",
        ),
        (
            "better",
            COMPARED | {"answers": ANSWERS},
            "Promoted: it is better than v3 and saw newer data. " + f"{NUMBERS} {SAID_OF_ANSWERS}",
        ),
        (
            "unproven",
            POLICY
            | {
                "held_out": "above_baseline",
                "answers": {"judged": UNJUDGED, "missing": ["reward_model", "judge"]},
            },
            f"{UNPROVEN} Held out: {FIRST}{IMPLICIT}",
        ),
        (
            "made_for_tests",
            {},
            "Kept: its base is the tiny one, which was made for tests. People never meet it.",
        ),
    ],
)
def test_each_verdict_has_its_sentence(code: str, evidence: dict[str, Any], text: str) -> None:
    assert verdict_text({"code": code, "evidence": evidence}) == text


def test_a_first_router_that_people_do_not_like_is_told_so() -> None:
    text = verdict_text({"code": "below_baseline", "evidence": EMBEDDING | DISLIKED})
    assert text.startswith("This first version is worse than the baseline, so it is not used: ")
    assert text.endswith("but at most 48.0 % prefer its choices to an average model shown.")


def test_every_code_has_a_sentence() -> None:
    apart = {
        VerdictCode.ABOVE_BASELINE,
        VerdictCode.BELOW_BASELINE,
        VerdictCode.LESS_LIKED,
        VerdictCode.UNPROVEN,
    }
    assert sentences.SENTENCES.keys() | sentences.COMPARISONS.keys() | apart == set(VerdictCode)


def test_everything_that_may_be_missing_has_its_words() -> None:
    assert sentences.MISSING.keys() == set(sentences.Missing)


def test_a_sentence_from_before_is_shown_as_it_was_written() -> None:
    assert Checkpoint(verdict={"text": "Kept: an older sentence."}).reason == (
        "Kept: an older sentence."
    )
    assert Checkpoint().reason == ""


def test_the_language_is_that_of_the_reader() -> None:
    stored = {"code": "above_baseline", "evidence": REWARD}
    with patch.object(
        sentences, "_", lambda text: text.replace("is better than the baseline", "gewinnt")
    ):
        assert verdict_text(stored).startswith("This first version gewinnt: accuracy 70.0 %")
