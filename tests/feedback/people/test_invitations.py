"""Invitations: who may make them, what they give, and that each works once."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from feedback.errors import ForbiddenError
from feedback.people.invitations.services import invitation_create, invitation_use
from feedback.people.models import AuditEvent, Contributor, Invitation, Role, TrustTier
from feedback.people.services import tier_set

pytestmark = pytest.mark.django_db
FORM = {"role": "curator", "trust_tier": "2", "note": "For Ada", "days": "14"}


def made(client: Client, **changes: str) -> str:
    page = client.post("/invitations/", FORM | changes).content.decode()
    found = re.search(r"http://testserver(/people/invitation/[^<]+)</pre>", page)
    assert found, page
    return found.group(1)


def test_an_invitation_gives_a_role_and_a_tier_once(olivia, client_of, stranger):
    link = made(client_of(olivia))
    assert "You are invited" in stranger.get(link).content.decode()
    assert stranger.post(link).status_code == 302
    ada = Contributor.objects.get(pk=stranger.session["_auth_user_id"])
    assert (ada.role, ada.trust_tier) == (Role.CURATOR, TrustTier.TRUSTED)
    assert Client().post(link).status_code == 404
    used = Invitation.objects.get()
    assert (used.used_by, used.created_by, used.state) == (ada, olivia, "used")
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"invitation.create", "invitation.use", "role.set", "tier.set"} <= actions
    page = client_of(olivia).get("/invitations/").content.decode()
    assert "Used on" in page
    assert link.split("/")[-2] not in page


def test_a_revoked_or_expired_one_does_not_work(olivia, client_of, stranger):
    link = made(client_of(olivia))
    client_of(olivia).post(f"/invitations/{Invitation.objects.get().id}/revoke/")
    assert stranger.post(link).status_code == 404
    late = made(client_of(olivia))
    Invitation.objects.filter(revoked_at=None).update(expires_at=timezone.now())
    assert stranger.post(late).status_code == 404
    page = client_of(olivia).get("/invitations/").content.decode()
    assert "Revoked" in page
    assert "Expired" in page
    assert not Contributor.objects.exclude(pk=olivia.pk).exists()


def test_a_used_one_cannot_be_revoked(olivia, client_of, stranger):
    stranger.post(made(client_of(olivia)))
    answer = client_of(olivia).post(f"/invitations/{Invitation.objects.get().id}/revoke/")
    assert answer.status_code == 404
    assert Invitation.objects.get().state == "used"


def test_it_takes_nothing_away_from_who_has_more(olivia):
    path = invitation_create(role=Role.CONTRIBUTOR)
    tier_set(contributor=olivia, tier=TrustTier.TRUSTED, reason="test")
    invitation_use(token=path.split("/")[-2], contributor=olivia)
    olivia.refresh_from_db()
    assert (olivia.role, olivia.trust_tier) == (Role.OPERATOR, TrustTier.TRUSTED)


def test_nobody_gives_a_role_above_their_own(olivia, client_of):
    with pytest.raises(ForbiddenError):
        invitation_create(role=Role.ADMIN, actor=olivia, lifetime=timedelta(days=1))
    assert client_of(olivia).post("/invitations/", FORM | {"role": "admin"}).status_code == 403
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"role": "king"}, {"trust_tier": "9"}, {"days": "0"}, {"days": "²"}, {"note": "\0"}]
)
def test_what_makes_no_sense_is_refused_in_words(olivia, client_of, wrong):
    answer = client_of(olivia).post("/invitations/", FORM | wrong)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert not Invitation.objects.exists()


def test_only_operators_invite(alice, client_of, stranger):
    made_before = invitation_create()
    for browser in (client_of(alice), stranger):
        assert browser.get("/invitations/").status_code == 403
        assert browser.post("/invitations/", FORM).status_code == 403
        path = f"/invitations/{Invitation.objects.get().id}/revoke/"
        assert browser.post(path).status_code == 403
    assert Invitation.objects.get().state == "open"
    assert made_before


def test_an_invitation_opens_a_closed_site(settings, stranger):
    settings.SIGN_UP = "invited"
    stranger.post(invitation_create())
    assert stranger.get("/contributions/").status_code == 200
    assert "Make an account" in stranger.get("/account/signup/").content.decode()


def test_a_tier_changes_once_with_its_reason_written_down(alice, olivia):
    assert tier_set(contributor=alice, tier=TrustTier.TRUSTED, reason="record", actor=olivia)
    assert not tier_set(contributor=alice, tier=TrustTier.TRUSTED, reason="record")
    event = AuditEvent.objects.get(action="tier.set")
    assert event.actor == olivia
    assert event.detail == {"from": 1, "to": 2, "reason": "record"}
