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


# What the gate found to be no good; all other codes of a candidate say that evidence is wanting.
FAILED = (VerdictCode.BELOW_BASELINE, VerdictCode.WORSE, VerdictCode.LESS_LIKED)

WARNINGS: Mapping[str, Promise] = {
    estimates.HEAVY: gettext_lazy("one decision weighs more than a tenth of all"),
    estimates.FEW: gettext_lazy("too few decisions showed what it would serve"),
    estimates.PEOPLE: gettext_lazy("fewer than 20 people decided"),
    estimates.UNSUPPORTED: gettext_lazy("some of its choices could never have been shown"),
    estimates.BALANCE: gettext_lazy("the logged chances do not add up"),
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
    sentences = [_held_out(code, evidence)]
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
