"""Invitations: the page of who received one, and the operators' page that makes and ends them."""

import uuid
from datetime import timedelta
from typing import Any

from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from feedback.errors import ApplicationError
from feedback.people.authentication import contributor_of, operator_required
from feedback.people.invitations.forms import InvitationForm
from feedback.people.invitations.services import (
    ROLES,
    invitation_create,
    invitation_find,
    invitation_revoke,
    invitation_use,
)
from feedback.people.models import Invitation, Role, TrustTier
from feedback.people.views import visitor_of
from feedback.web.forms import cleaned

SHOWN = 100


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Confirm, then have what the link promises. Looking at it does not use it up."""
    if request.method == "POST":
        with transaction.atomic():
            contributor = visitor_of(request, invited=True)
            invitation_use(token=token, contributor=contributor)
        login(request, contributor)
        return redirect("operate" if contributor.is_operator else "/")
    found = invitation_find(token)
    status = 200 if found else 404
    return render(request, "people/invitation.html", {"invitation": found}, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@operator_required
def invitations(request: HttpRequest) -> HttpResponse:
    """Show the newest invitations, and a form for another one, whose link is shown once."""
    operator, context = contributor_of(request), dict[str, Any]()
    if request.method == "POST":
        try:
            path = _create(request)
            context["link"] = request.build_absolute_uri(path)
        except ApplicationError as error:
            context["problem"] = error
    context |= {
        "invitations": Invitation.objects.select_related("created_by").order_by("-id")[:SHOWN],
        "roles": [role for role in ROLES if ROLES.index(role) <= ROLES.index(Role(operator.role))],
        "tiers": [TrustTier.REGISTERED, TrustTier.TRUSTED],
    }
    status = context["problem"].status if "problem" in context else 200
    return render(request, "people/invitations.html", context, status=status)


@require_POST
@operator_required
def invitation_end(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """Revoke one that nobody has used."""
    invitation_revoke(invitation_id=str(invitation_id), actor=contributor_of(request))
    return redirect("invitations")


def _create(request: HttpRequest) -> str:
    fields = cleaned(InvitationForm(request.POST), in_message=True)
    return invitation_create(
        role=Role(fields["role"]),
        trust_tier=TrustTier(fields["trust_tier"]),
        note=fields["note"],
        lifetime=timedelta(days=fields["days"]),
        actor=contributor_of(request),
    )
