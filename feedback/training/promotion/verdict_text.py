"""What the gate says of a candidate, as sentences in the reader's language.

A verdict is stored as a code with the numbers behind it and becomes a sentence only where somebody
reads it. This module knows no model of the database: `Checkpoint.reason` uses it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from trainers.off_policy import estimates


class VerdictCode(StrEnum):
    """Why a candidate was promoted, kept or refused. Rows hold these: keep the values."""

    NO_GATE = "no_gate"
    ABOVE_BASELINE = "above_baseline"
    BELOW_BASELINE = "below_baseline"
    TOO_FEW = "too_few"
    UNMEASURED = "unmeasured"
    WORSE = "worse"
    NOTHING_NEWER = "nothing_newer"
    UNSURE = "unsure"
    NOT_WORSE = "not_worse"
    BETTER = "better"
    LESS_LIKED = "less_liked"
    OVERTAKEN = "overtaken"
    UNPROVEN = "unproven"
    MADE_FOR_TESTS = "made_for_tests"


class Missing(StrEnum):
    """What a policy did not show of its answers. Rows hold these: keep the values."""

    ACCURACY = "accuracy"
    REWARD_MODEL = "reward_model"
    REWARD = "reward"
    JUDGE = "judge"
    JUDGE_AWAY = "judge_away"
    JUDGE_FAILED = "judge_failed"
    JUDGE_UNSOUND = "judge_unsound"
    JUDGED_FEW = "judged_few"
    JUDGED = "judged"
    JUDGED_AGAINST = "judged_against"


# What the gate found to be no good; all other codes of a candidate say that evidence is wanting.
FAILED = (VerdictCode.BELOW_BASELINE, VerdictCode.WORSE, VerdictCode.LESS_LIKED)

WARNINGS: Mapping[str, Promise] = {
    estimates.HEAVY: gettext_lazy("one decision weighs more than a tenth of all"),
    estimates.FEW: gettext_lazy("too few decisions showed what it would serve"),
    estimates.PEOPLE: gettext_lazy("fewer than 20 people decided"),
    estimates.UNSUPPORTED: gettext_lazy("some of its choices could never have been shown"),
    estimates.BALANCE: gettext_lazy("the logged chances do not add up"),
}
MISSING: Mapping[Missing, Promise] = {
    Missing.ACCURACY: gettext_lazy("its implicit accuracy may be no better than chance"),
    Missing.REWARD_MODEL: gettext_lazy("no reward model has scored its answers"),
    Missing.REWARD: gettext_lazy("its answers do not surely have a higher reward"),
    Missing.JUDGE: gettext_lazy("no judge model is set (JUDGE_MODEL)"),
    Missing.JUDGE_AWAY: gettext_lazy("the judge model cannot be asked"),
    Missing.JUDGE_FAILED: gettext_lazy("the judge model failed or was too slow"),
    Missing.JUDGE_UNSOUND: gettext_lazy(
        "the judge model agrees with known winners no better than chance"
    ),
    Missing.JUDGED_FEW: gettext_lazy("the judge model judged too few prompts"),
    Missing.JUDGED: gettext_lazy("the judge model does not surely prefer its answers"),
    Missing.JUDGED_AGAINST: gettext_lazy(
        "the judge model prefers the answers of the one that is live"
    ),
}
# Each is filled with the evidence; those of a comparison are followed by its numbers.
SENTENCES: Mapping[VerdictCode, Promise] = {
    VerdictCode.NO_GATE: gettext_lazy("A ranking states what was judged; it has no gate."),
    VerdictCode.TOO_FEW: gettext_lazy(
        "%(prompts)s test prompts are too few to compare it with %(against)s."
    ),
    VerdictCode.UNMEASURED: gettext_lazy(
        "Kept: %(artifact)s could not be measured on the newer data; see the log."
    ),
    VerdictCode.OVERTAKEN: gettext_lazy(
        "Kept: while it was compared, something else was promoted."
    ),
    VerdictCode.MADE_FOR_TESTS: gettext_lazy(
        "Kept: its base is the tiny one, which was made for tests. People never meet it."
    ),
}
COMPARISONS: Mapping[VerdictCode, Promise] = {
    VerdictCode.WORSE: gettext_lazy("Refused: it is worse than %(against)s."),
    VerdictCode.NOTHING_NEWER: gettext_lazy("Kept: it saw no newer data than %(against)s."),
    VerdictCode.UNSURE: gettext_lazy("Kept: it might be worse than %(against)s."),
    VerdictCode.NOT_WORSE: gettext_lazy(
        "Promoted: it is not worse than %(against)s and saw newer data."
    ),
    VerdictCode.BETTER: gettext_lazy("Promoted: it is better than %(against)s and saw newer data."),
}


def verdict_text(verdict: Mapping[str, Any]) -> str:
    """Return the sentences of a stored verdict, empty where there is none.

    `verdict` is `{"code", "evidence"}` as `gate.Verdict.stored` gives it, or `{"text"}`: a sentence
    from before verdicts were stored as numbers, which is shown as it was written.
    """
    if "code" not in verdict:
        return str(verdict.get("text", ""))
    code, evidence = VerdictCode(verdict["code"]), verdict["evidence"]
    if code == VerdictCode.LESS_LIKED:
        text = _("Refused: people prefer the choices of %(name)s: %(logged)s Held out: %(tested)s")
        return text % {
            "name": evidence["against"],
            "logged": _decisions(evidence["off_policy"]),
            "tested": _held_out(VerdictCode(evidence["held_out"]), evidence),
        }
    if code == VerdictCode.UNPROVEN:
        missing = "; ".join(str(MISSING[Missing(one)]) for one in evidence["answers"]["missing"])
        kept = _("Kept: its answers are not shown to be better than its base’s: %s.") % missing
        tested = _held_out(VerdictCode(evidence["held_out"]), evidence)
        return " ".join([kept, *_answers(evidence["answers"]), _("Held out: %s") % tested])
    sentences = [_held_out(code, evidence)]
    if "answers" in evidence:
        sentences += _answers(evidence["answers"])
    if "off_policy" in evidence:
        sentences.append(_("Off-policy: %s") % _decisions(evidence["off_policy"]))
        if warnings := evidence["off_policy"]["warnings"]:
            words = ", ".join(str(WARNINGS.get(one, one)) for one in warnings)
            sentences.append(_("Not relied on: %s.") % words)
    return " ".join(sentences)


def _held_out(code: VerdictCode, evidence: Mapping[str, Any]) -> str:
    """Return what test prompts say of the candidate."""
    if code == VerdictCode.ABOVE_BASELINE:
        return _("This first version is better than the baseline: %s.") % _baseline(evidence)
    if code == VerdictCode.BELOW_BASELINE:
        return _(
            "This first version is worse than the baseline, so it is not used: %s."
        ) % _baseline(evidence)
    if code in SENTENCES:
        return str(SENTENCES[code]) % evidence
    measured = {"points": _points(evidence), "prompts": evidence["prompts"]}
    if evidence["newer_only"]:
        numbers = _("%(points)s on %(prompts)s test prompts with newer judgments.") % measured
    else:
        numbers = _("%(points)s on %(prompts)s test prompts.") % measured
    return f"{COMPARISONS[code] % evidence} {numbers}"


def _answers(answers: Mapping[str, Any]) -> list[str]:
    """Return what rewards and the judge say of a policy's answers beside its base's."""
    sentences = []
    if "reward_gain_ci" in answers:
        low, high = (_signed(value) for value in answers["reward_gain_ci"])
        gain = {"gain": _signed(answers["reward_gain"]), "low": low, "high": high}
        sentences.append(_("Reward: %(gain)s beside its base (%(low)s to %(high)s).") % gain)
    judged = answers["judged"]
    if judged["wins"] is not None:
        text = _("The judge %(judge)s prefers its answers in %(share)s of %(pairs)s pairs.")
        sentences.append(text % _judged(judged, "wins"))
    if judged["against"] is not None:
        text = _("It prefers them to those of what is live in %(share)s of %(pairs)s pairs.")
        sentences.append(text % _judged(judged, "against"))
    if judged["agreement"] is not None:
        text = _("The judge agrees with known winners in %(share)s of %(pairs)s pairs.")
        sentences.append(text % _judged(judged, "agreement"))
    return sentences


def _judged(judged: Mapping[str, Any], of: str) -> dict[str, Any]:
    """Return the words for one of the judge's shares."""
    share = judged[of]
    low, high = (_percent(value) for value in share["ci"])
    numbers = {"share": _percent(share["share"]), "low": low, "high": high}
    shown = _("%(share)s %% (%(low)s to %(high)s)") % numbers
    return {"judge": judged["judge"], "share": shown, "pairs": share["pairs"]}


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _decisions(off_policy: Mapping[str, Any]) -> str:
    return _("%(points)s on %(decisions)s logged decisions.") % {
        "points": _points(off_policy),
        "decisions": off_policy["decisions"],
    }


def _baseline(evidence: Mapping[str, Any]) -> str:
    """Return the numbers of the first of a kind beside those of its trivial baseline."""
    kinds = {"reward": _reward, "embedding": _embedding, "policy": _policy}
    return kinds[evidence["kind"]](evidence)


def _reward(evidence: Mapping[str, Any]) -> str:
    names = ("baseline_majority_accuracy", "baseline_length_accuracy")
    return _("accuracy %(accuracy)s %% against %(baseline)s %%") % {
        "accuracy": _percent(evidence["accuracy"]),
        "baseline": _percent(max(evidence[name] for name in names)),
    }


def _embedding(evidence: Mapping[str, Any]) -> str:
    clauses = [
        _("log loss %(log_loss).3f against %(model_mean_log_loss).3f of each model's mean")
        % evidence
    ]
    if {"preference_log_loss", "preference_mean_log_loss"} <= evidence.keys():
        clauses.append(
            _("of comparisons %(preference_log_loss).3f against %(preference_mean_log_loss).3f")
            % evidence
        )
    gain = {"difference": evidence["routed_gain"], "ci": evidence["routed_gain_ci"]}
    clauses.append(_("routed %s beside the best single model") % _points(gain))
    if not evidence["is_liked"]:
        likely = _percent(evidence["duels_dr_ci"][1])
        clauses.append(_("but at most %s %% prefer its choices to an average model shown") % likely)
    return ", ".join(clauses)


def _policy(evidence: Mapping[str, Any]) -> str:
    return _("implicit accuracy %(accuracy)s %%, at least %(low)s %%, against 50.0 %%") % {
        "accuracy": _percent(evidence["implicit_accuracy"]),
        "low": _percent(evidence["implicit_accuracy_ci"][0]),
    }


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _points(evidence: Mapping[str, Any]) -> str:
    """Return a difference of shares with its interval, in percentage points."""
    values = (evidence["difference"], *evidence["ci"])
    points = [f"{100 * value:+.1f}".replace("-", "−") for value in values]
    return _("%(difference)s points (%(low)s to %(high)s)") % dict(
        zip(("difference", "low", "high"), points, strict=True)
    )
