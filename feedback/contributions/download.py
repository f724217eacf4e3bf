"""All that is kept of a contributor, for themselves: one JSON object."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db.models import Prefetch, QuerySet

from feedback.people.models import ApiKey, ConsentRecord, Contributor
from feedback.people.selectors import given_by
from feedback.pool.models import Conversation, Preference, Reaction, Turn

JUDGMENT = [
    "public_id",
    "comparison__public_id",
    "rater__public_id",
    "choice",
    "order_shown",
    "strength",
    "aspects",
    "confidence",
    "reasons",
    "rationale",
    "visibility",
    "state",
    "source",
    "campaign__slug",
    "duration_ms",
    "judged_at",
]


def own_data(contributor: Contributor) -> dict[str, Any]:
    """Gather account, consents, judgments, conversations and reactions."""
    consents = ConsentRecord.objects.filter(given_by(contributor, "contributor"))
    return {
        "account": _account(contributor),
        "consents": _rows(consents, ["terms_version", "licence", "scope", "created_at"]),
        "judgments": _rows(Preference.objects.filter(given_by(contributor)), JUDGMENT),
        "conversations": _conversations(contributor),
        "reactions": _rows(
            Reaction.objects.filter(given_by(contributor)),
            ["response__public_id", "kind", "value", "created_at"],
        ),
    }


def _account(contributor: Contributor) -> dict[str, Any]:
    addresses = EmailAddress.objects.filter(user=contributor)
    elsewhere = SocialAccount.objects.filter(user=contributor)
    keys = ApiKey.objects.filter(contributor=contributor)
    return {
        "public_id": contributor.public_id,
        "name": contributor.name,
        "role": contributor.role,
        "trust_tier": contributor.get_trust_tier_display(),
        "locale": contributor.locale,
        "expertise": contributor.expertise,
        "created_at": contributor.created_at,
        "e_mail": _rows(addresses, ["email", "verified", "primary"]),
        "accounts_elsewhere": _rows(elsewhere, ["provider", "uid", "extra_data"]),
        "api_keys": _rows(keys, ["name", "scopes", "created_at", "revoked_at"]),
        "adopted": list(contributor.adopted.values_list("public_id", flat=True)),
    }


def _conversations(contributor: Contributor) -> list[dict[str, Any]]:
    own = Conversation.objects.filter(given_by(contributor, "contributor")).order_by("id")
    turns = Prefetch("turns", Turn.objects.only("conversation", "messages").order_by("id"))
    return [
        {
            "public_id": one.public_id,
            "created_at": one.created_at,
            "turns": [turn.messages for turn in one.turns.all()],
        }
        for one in own.prefetch_related(turns)
    ]


def _rows(found: QuerySet[Any], columns: list[str]) -> list[dict[str, Any]]:
    rows = found.order_by("pk").values(*columns)
    return [{name.replace("__", "_"): value for name, value in row.items()} for row in rows]
