"""Reads of a contributor's own judgments."""

import uuid
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from feedback.database.lookup import get_or_not_found
from feedback.people.models import Contributor, Rater
from feedback.people.selectors import given_by
from feedback.pool.models import Preference
from feedback.publication.holders import Holdings, holdings_of
from feedback.publication.models import Release
from feedback.training.models import Checkpoint

OWN_PAGE = 50


def holdings_in_use(contributor: Contributor) -> Holdings:
    """Return what holds the contributor's judgments and is in use: releases, live checkpoints."""
    raters = Rater.objects.filter(given_by(contributor, "contributor"))
    return holdings_of(
        sorted(raters.values_list("public_id", flat=True)),
        releases=Release.objects.filter(retracted_at=None),
        checkpoints=Checkpoint.objects.live(),
    )


def own_totals(contributor: Contributor, holdings: Holdings) -> dict[str, Any]:
    """Count the judgments that are active, that the newest release holds, and that trained."""
    own = Preference.objects.filter(given_by(contributor))
    totals: dict[str, Any] = {"active": own.active().count()}
    if holdings.releases:
        newest = holdings.releases[-1]
        held = own.filter(published_number__lte=newest.last_number)
        gone = Q(removed_number__lte=newest.last_number)
        totals["release"] = (newest.version, held.exclude(gone).count())
    totals["trained"] = [(str(one), len(keys)) for one, keys in holdings.trained if keys]
    return totals


def own_judgments(contributor: Contributor, before: uuid.UUID | None) -> list[Preference]:
    """Return a page of the contributor's judgments, newest first, without superseded ones."""
    found = (
        Preference.objects.current()
        .filter(given_by(contributor))
        .select_related("comparison__turn", "campaign", "rater")
        .order_by("-id")
    )
    if before is not None:
        found = found.filter(id__lt=before)
    return list(found[:OWN_PAGE])


def own_judgment(*, public_id: str, contributor: Contributor) -> Preference:
    """Return a judgment with its answers; raise NotFoundError where it is not theirs."""
    own = Preference.objects.filter(given_by(contributor)).select_related(
        "comparison__turn__conversation",
        "comparison__response_a",
        "comparison__response_b",
        "campaign",
        "rater",
    )
    message = _("There is no such judgment of yours.")
    return get_or_not_found(own, "not_found", message, public_id=public_id)
