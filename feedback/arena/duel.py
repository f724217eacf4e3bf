"""What the page of a duel shows: the newest turn, its answers, and what can be done now."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from feedback.arena.answers.candidates import choosable_versions
from feedback.arena.answers.writing import FLAWED, NAMES_MODEL
from feedback.arena.presentation import AnswerView, answer_views, who
from feedback.arena.selectors import Exchange, can_stop, exchange_of, has_failed
from feedback.arena.vocabulary import ASPECTS, FAULTS, MERITS, STRENGTHS, has_no_place, is_too_long
from feedback.identifiers import new_public_id
from feedback.pool.choices import displayed_choice
from feedback.pool.models import (
    Choice,
    Conversation,
    Order,
    Preference,
    PreferenceState,
    ResponseState,
)
from feedback.pool.reveal import REVEALED
from feedback.registry.health import live_versions
from feedback.routing.explaining.sentences import sentences
from feedback.routing.explaining.why import explain
from feedback.text.message_display import message_shown


def duel_context(conversation: Conversation) -> dict[str, Any]:
    """Return what the page shows: a conversation with two models at its newest turn."""
    exchange = exchange_of(conversation)
    return {
        **_progress(conversation, exchange),
        "earlier": _earlier(exchange),
        "prompt": message_shown(exchange.turn.messages[-1], who()),
        "knows": exchange.turn.conversation.revealed_at is not None,
        "key": new_public_id(),
        "can_go_on": _can_go_on(exchange),
    }


def duel_progress(conversation: Conversation) -> dict[str, Any]:
    """Return the part of `duel_context` that changes while answers are written."""
    return _progress(conversation, exchange_of(conversation))


def _progress(conversation: Conversation, exchange: Exchange) -> dict[str, Any]:
    judged = exchange.preference is not None
    answers = answer_views(exchange.responses, named=judged)
    return {
        "conversation": conversation,
        "turn": exchange.turn,
        "comparison": exchange.comparison,
        "answers": answers,
        "said": status_text(exchange, [view.place for view in answers if view.is_writing]),
        "waiting": not exchange.is_complete or any(view.is_writing for view in answers),
        "writing": any(view.is_writing for view in answers),
        "judged": judged,
        **_actions(exchange),
        **(_judged(exchange, answers) if judged else {}),
    }


def _earlier(exchange: Exchange) -> list[dict[str, str]]:
    """Return the earlier messages: once where both models saw the same, else side by side."""
    shown = []
    first, second = (response.prompt[:-1] for response in exchange.responses)
    for one, two in zip(first, second, strict=True):
        if one == two:
            shown.append(message_shown(one, who()))
            continue
        for message, words in ((one, _("Answer 1")), (two, _("Answer 2"))):
            shown.append(message_shown(message, {"assistant": words}))
    return shown


def _can_go_on(exchange: Exchange) -> bool:
    """Say whether both models answer more than what was recorded."""
    pair = {response.version_id for response in exchange.responses if response.version_id}
    return live_versions().filter(id__in=pair).count() == len(exchange.responses)


def _actions(exchange: Exchange) -> dict[str, Any]:
    """Return what can be done where an answer is late or did not arrive."""
    failed = has_failed(exchange.responses)
    asked = set(exchange.turn.responses.values_list("version_id", flat=True)) if failed else set()
    able = choosable_versions(exchange.responses[0].prompt) if failed else []
    return {
        "stop": can_stop(exchange.responses),
        "retry": failed,
        "shorten": any(map(is_too_long, exchange.responses)),
        "replace": any(version.id not in asked for version in able),
    }


def status_text(exchange: Exchange, writing: Sequence[int]) -> str:
    """Return the sentence of the status line; `writing`: the places where more text may come."""
    if exchange.preference is not None:
        return _reveal(exchange)
    failed = _failed(exchange)
    if len(failed) == 2:
        return _("No model can answer now. We kept your message.")
    if failed:
        broke_off = exchange.responses[failed[0] - 1].text
        words = (
            _("Answer %(place)s broke off. Your message is safe.")
            if broke_off
            else _("Answer %(place)s did not arrive. Your message is safe.")
        )
        return words % {"place": failed[0]}
    waiting = [place for place in writing if has_no_place(exchange.responses[place - 1])]
    if len(waiting) == 2:
        return _("Both answers are waiting for a free place.")
    if waiting:
        return _("Answer %(place)s is waiting for a free place.") % {"place": waiting[0]}
    if len(writing) == 2:
        return _("Both answers are being written.")
    if writing:
        return _("Answer %(place)s is still writing.") % {"place": writing[0]}
    return _("Both answers have finished.")


def _failed(exchange: Exchange) -> list[int]:
    responses = enumerate(exchange.responses, 1)
    return [place for place, r in responses if r.state == ResponseState.FAILED]


def _reveal(exchange: Exchange) -> str:
    preference = exchange.preference
    withdrawn = preference and preference.state == PreferenceState.WITHDRAWN
    first, second = (response.version for response in exchange.responses)
    saved = _("Withdrawn.") if withdrawn else _("Saved.")
    names = _("Answer 1 was %(first)s, Answer 2 was %(second)s.")
    return f"{saved} {names % {'first': first, 'second': second}}"


def _judged(exchange: Exchange, answers: list[AnswerView]) -> dict[str, Any]:
    """Return what a page shows once the names are known."""
    preference = exchange.preference
    shown: dict[str, Any] = {"uncounted": _uncounted(exchange)}
    if exchange.route and len(exchange.route.chosen) == len(exchange.responses):
        shown["why"] = sentences(explain(exchange.route))
        shown["route"] = exchange.route
    if preference and preference.state == PreferenceState.ACTIVE:
        shown["extras"] = extras_of_preference(preference)
        shown["better"] = answers[exchange.responses.index(exchange.better)]
    return shown


def _uncounted(exchange: Exchange) -> str:
    """Say why this judgment does not count in rankings; empty where it does."""
    reason = exchange.comparison.unranked_reason
    if reason == NAMES_MODEL:
        places = [n for n, r in enumerate(exchange.responses, 1) if r.names_its_model]
        words = _(
            "Answer %(place)s speaks of its own name or maker, so this was not blind. Your judgment"
            " is kept and helps in other ways, but does not count in rankings."
        )
        return words % {"place": places[0] if places else 1}
    if reason == FLAWED:
        return _(
            "An answer had to be begun once more, or was cut off, as the model repeated itself or "
            "sent what cannot be read. Your judgment is kept, but does not count in rankings."
        )
    if reason == REVEALED:
        return _("You knew the names, so this judgment is kept but does not count in rankings.")
    return ""


def extras_of_preference(preference: Preference) -> dict[str, Any]:
    """Return the form for saying more about a choice, filled with what was said already."""
    wins = preference.choice in (Choice.A, Choice.B)
    strength = "" if preference.strength is None else f"{preference.strength:g}"
    aspects = preference.aspects
    return {
        "of": preference.public_id,
        "strengths": STRENGTHS if wins else (),
        "strength": strength,
        "aspects": [
            {
                "name": name,
                "words": words,
                "chosen": displayed_choice(aspects.get(name, ""), Order.AB),
            }
            for name, words in ASPECTS
        ],
        "reasons": FAULTS if preference.choice == Choice.BOTH_BAD else MERITS,
        "chosen": preference.reasons,
        "rationale": preference.rationale,
        "said": preference.supersedes_id is not None,
    }
