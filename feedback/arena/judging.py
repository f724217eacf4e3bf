"""Judging a duel: the choice first, then, for whoever likes, more about it."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from feedback.arena.selectors import ARENA, Exchange, comparison_of, exchange_from
from feedback.errors import ApplicationError, ConflictError
from feedback.people.models import Contributor
from feedback.people.selectors import consent_required, rater_of
from feedback.pool.choices import stored_choice
from feedback.pool.judgment import Judgment
from feedback.pool.models import Order, Preference, PreferenceState, RaterRole
from feedback.pool.reveal import model_names_reveal
from feedback.pool.services import Provenance, preference_record


def comparison_judge(
    *,
    contributor: Contributor,
    public_id: str,
    choice: str,
    idempotency_key: str,
    duration_ms: int | None = None,
) -> Exchange:
    """Put the author's judgment into the pool and reveal the models' names."""
    exchange = _own(contributor, public_id)
    if not exchange.is_complete:
        raise ConflictError("still_writing", _("You can judge when both answers have finished."))
    judgment = Judgment(
        choice=stored_choice(choice, Order.AB), order_shown=Order.AB, duration_ms=duration_ms
    )
    with transaction.atomic():
        _record(contributor, exchange, judgment, idempotency_key)
        model_names_reveal(exchange.turn.conversation)
    return exchange


def judgment_extend(
    *, contributor: Contributor, public_id: str, of: str, extras: Mapping[str, Any], key: str
) -> Exchange:
    """Say more about a choice: the same judgment with its reasons supersedes the bare one.

    `of` names the judgment that the form was made for: what was said in another window meanwhile
    is not overwritten unseen.
    """
    exchange = _own(contributor, public_id)
    before = Preference.objects.filter(
        public_id=of, comparison=exchange.comparison, rater__contributor=contributor
    ).first()
    if before is None:
        raise ConflictError("not_judged", _("Judge these two answers first."))
    aspects = {name: stored_choice(value, Order.AB) for name, value in extras["aspects"].items()}
    judgment = Judgment(
        choice=before.choice,
        order_shown=before.order_shown,
        duration_ms=before.duration_ms,
        visibility=before.visibility,
        strength=extras["strength"],
        aspects=aspects,
        reasons=tuple(extras["reasons"]),
        rationale=extras["rationale"],
    )
    try:
        _record(contributor, exchange, judgment, key, supersedes=before)
    except ConflictError as error:
        if error.code != "already_judged":
            raise
        raise ConflictError(
            "said_elsewhere", _("You have already saved this in another window. Reload this page.")
        ) from error
    return exchange_from(exchange.comparison)


def _own(contributor: Contributor, public_id: str) -> Exchange:
    exchange = exchange_from(comparison_of(contributor=contributor, public_id=public_id))
    if exchange.preference and exchange.preference.state == PreferenceState.WITHDRAWN:
        raise ConflictError("withdrawn", _("You withdrew your judgment of these answers."))
    return exchange


def _record(
    contributor: Contributor,
    exchange: Exchange,
    judgment: Judgment,
    key: str,
    supersedes: Preference | None = None,
) -> Preference:
    if not key:
        words = _("The form is incomplete. Reload the page.")
        raise ApplicationError("idempotency_key", words)
    recorded, _new = preference_record(
        comparison=exchange.comparison,
        rater_id=rater_of(contributor).pk,
        judgment=judgment,
        idempotency_key=key,
        provenance=Provenance(
            source=ARENA,
            consent_id=consent_required(contributor).pk,
            role=RaterRole.AUTHOR,
            judged_at=supersedes.judged_at if supersedes else None,
        ),
        supersedes=supersedes,
    )
    return recorded
