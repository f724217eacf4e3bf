"""Say in sentences, in the reader's language, why the models of a decision were shown."""

from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from feedback.routing.explaining.why import Considered, Explanation
from feedback.routing.models import ModelRoute, PolicyName

BELIEFS = {
    "uniform": gettext_lazy("No model has a rating yet, so every choice was equally likely."),
    "ratings": gettext_lazy("The choice followed the ratings of all topics and how sure they are."),
    "share": gettext_lazy("The choice was left to chance, in the shares that an operator set."),
}
BY_EMBEDDING = gettext_lazy(
    "The choice followed what %(version)s expects of each model on this message."
)
NO_PART = gettext_lazy("Your message was not used for this choice.")
TOO_LATE = gettext_lazy(
    "Your message could not be read in time, so it was not used for this choice."
)
FALLBACKS = {
    "no_embedding": gettext_lazy(
        "No model embedding is in use yet, so your message was not used for this choice."
    ),
    "encoder_late": TOO_LATE,
    "encoder_busy": TOO_LATE,
    "encoder_down": gettext_lazy(
        "The text encoder had just failed and was not asked, "
        "so your message was not used for this choice."
    ),
    "encoder_failed": gettext_lazy(
        "The text encoder did not answer, so your message was not used for this choice."
    ),
    "encoder_changed": gettext_lazy(
        "The embedding was trained with another text encoder, "
        "so your message was not used for this choice."
    ),
    "embedding_unreadable": gettext_lazy(
        "The model embedding could not be read, so your message was not used for this choice."
    ),
    "threshold_stale": gettext_lazy(
        "The threshold is not calibrated on the embedding in use yet, "
        "so your message was not used for this choice."
    ),
    "strong_away": gettext_lazy("The strong model could not be asked, so the weak one answered."),
    "weak_away": gettext_lazy("The weak model could not be asked, so the strong one answered."),
}
LIMITS = {
    "topics": gettext_lazy("with the speciality %s"),
    "languages": gettext_lazy("with the language %s"),
    "max_price": gettext_lazy("at a price of at most %s for a million tokens"),
    "max_latency_ms": gettext_lazy("that answer within %s ms"),
}


def sentences(found: Explanation) -> list[str]:
    """Return how the models came to be shown, one reason a sentence."""
    route = found.route
    reasons = [
        _belief(route),
        fallback_sentence(route.fallback),
        _policy(found),
        _limits(route),
        _held_back(route),
        _chances(found),
    ]
    if found.explored:
        reasons.append(
            _(
                "Another model was expected to do better; "
                "this one was chosen to learn more about it."
            )
        )
    return [sentence for sentence in reasons if sentence]


def fallback_sentence(reason: str) -> str:
    """Return why a prompt was not used, from the reason in the log; empty where it was."""
    return str(FALLBACKS.get(reason, NO_PART)) if reason else ""


def _belief(route: ModelRoute) -> str:
    version = route.router_version
    return str(BELIEFS.get(version) or BY_EMBEDDING % {"version": version})


def _policy(found: Explanation) -> str:
    route = found.route
    if route.policy not in PolicyName.values:
        return _threshold(found)
    if len(found.chosen) == 2 and route.policy != PolicyName.BEST:
        return _(
            "Two are drawn by how likely each is to be the best here; one pair in twenty is drawn "
            "evenly, so that no model is forgotten."
        )
    if route.policy == PolicyName.EXPLORE:
        return _("A model is drawn by how likely it is to be the best here; one in twenty evenly.")
    return _(
        "The expected best is shown; one choice in twenty is drawn evenly, so that no model is "
        "forgotten."
    )


def _threshold(found: Explanation) -> str:
    route = found.route
    if len(found.chosen) == 2:
        return _("Both models of the threshold %(name)s are shown.") % {"name": route.policy}
    if route.strong_chance is None or route.threshold is None:
        return ""
    sentence = _(
        "The threshold %(name)s asks %(strong)s where its chance to beat %(weak)s is at least "
        "%(threshold)s; here it was %(chance)s. One choice in twenty is drawn evenly."
    )
    strong, weak = (one["label"] for one in route.considered)
    return sentence % {
        "name": route.policy,
        "strong": strong,
        "weak": weak,
        "threshold": _percent(route.threshold, 1),
        "chance": _percent(route.strong_chance, 1),
    }


def _limits(route: ModelRoute) -> str:
    asked: dict[str, Any] = route.constraints
    parts = [str(limit) % _value(asked[name]) for name, limit in LIMITS.items() if name in asked]
    if not parts:
        return ""
    return _("Only models %(limits)s were considered.") % {"limits": ", ".join(parts)}


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(number_format(f"{value:g}"))


def _held_back(route: ModelRoute) -> str:
    labels = [one["label"] for one in route.considered if one.get("held_back")]
    if not labels:
        return ""
    sentence = _("%(model)s is clearly worse than all others here, so only the even draw shows it.")
    return sentence % {"model": labels[0]}


def _chances(found: Explanation) -> str:
    n = found.considered
    parts = [
        ngettext("%(n)s model could answer.", "%(n)s models could answer.", n) % {"n": n},
        *(_chance(one) for one in found.chosen),
    ]
    if len(found.chosen) == 2:
        chance = _percent(found.route.pair_propensity, 1)
        parts.append(_("These two, in this order: %(chance)s.") % {"chance": chance})
    return " ".join(parts)


def _chance(one: Considered) -> str:
    sentence = _("%(model)s had a chance of %(chance)s.")
    return sentence % {"model": one.label, "chance": _percent(one.propensity, 0)}


def _percent(share: float, decimals: int) -> str:
    """Return a share in [0, 1] in per cent, as the language writes it: 60.0%, 60,0 %."""
    return _("%(number)s%%") % {"number": number_format(f"{100 * share:.{decimals}f}")}
