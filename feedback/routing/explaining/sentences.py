"""What the log of decisions says, in sentences."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback.routing.explaining.why import Considered, Explanation
from feedback.routing.models import ModelRoute
from feedback.routing.names import PolicyName

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
    """How the models came to be shown, one reason a sentence."""
    route = found.route
    said = [_belief(route), _fallback(route), _policy(found), _limits(route), *_each(found)]
    if found.explored:
        said.append(
            _(
                "Another model was expected to do better; "
                "this one was chosen to learn more about it."
            )
        )
    return [sentence for sentence in said if sentence]


def fallback_words(reason: str) -> str:
    """Why a prompt was not used."""
    return str(FALLBACKS.get(reason, NO_PART)) if reason else ""


def _belief(route: ModelRoute) -> str:
    version = route.router_version
    return str(BELIEFS.get(version) or BY_EMBEDDING % {"version": version})


def _fallback(route: ModelRoute) -> str:
    return fallback_words(route.fallback)


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
    words = _(
        "The threshold %(name)s asks %(strong)s where its chance to beat %(weak)s is at least "
        "%(threshold)s; here it was %(chance)s. One choice in twenty is drawn evenly."
    )
    strong, weak = (one["label"] for one in route.considered)
    return words % {
        "name": route.policy,
        "strong": strong,
        "weak": weak,
        "threshold": f"{route.threshold:.1%}",
        "chance": f"{route.strong_chance:.1%}",
    }


def _limits(route: ModelRoute) -> str:
    asked: dict[str, Any] = route.constraints
    parts = [str(words) % _value(asked[name]) for name, words in LIMITS.items() if name in asked]
    if not parts:
        return ""
    return _("Only models %(limits)s were considered.") % {"limits": ", ".join(parts)}


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else f"{value:g}"


def _each(found: Explanation) -> list[str]:
    could = _("%(n)s models could answer.") % {"n": found.considered}
    said = [could, *(_one(one) for one in found.chosen)]
    if len(found.chosen) == 2:
        chance = f"{found.route.pair_propensity:.1%}"
        said.append(_("These two, in this order: %(chance)s.") % {"chance": chance})
    return [" ".join(said)]


def _one(one: Considered) -> str:
    words = _("%(model)s had a chance of %(chance)s.")
    return words % {"model": one.label, "chance": f"{one.propensity:.0%}"}
