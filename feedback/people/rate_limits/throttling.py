"""Limits of the REST API and of what strangers may make, per key, person or address."""

from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from feedback.people.models import ApiKey, Contributor
from feedback.people.rate_limits.addresses import client_network
from feedback.people.rate_limits.limits import Rate, limit_take

if TYPE_CHECKING:
    from rest_framework.views import APIView

# Two writes make a judgment. A person gives a few a minute, a program perhaps a hundred a second;
# fifty programs behind one address have fifty keys, and are not counted by their address.
KEY_WRITES = Rate(6000, per=60)
PERSON_WRITES = Rate(240, per=60)
NEW_CONTRIBUTORS = Rate(60, per=3600, burst=30)  # a class or an office may share an address


class WriteThrottle(BaseThrottle):
    """Writes over the API: per key, or per person in a browser. Reads are free."""

    def allow_request(self, request: Request, _view: "APIView") -> bool:
        """Return True; raises RateLimitedError, which has the contract's shape."""
        if request.method in SAFE_METHODS:
            return True
        if isinstance(request.auth, ApiKey):
            limit_take(key=f"api:key:{request.auth.id}", rate=KEY_WRITES)
        elif isinstance(request.user, Contributor):
            limit_take(key=f"api:person:{request.user.id}", rate=PERSON_WRITES)
        return True


def newcomer_take(request: HttpRequest) -> None:
    """Count one new anonymous contributor against the address that asks for it."""
    limit_take(key=f"contributors:{client_network(request)}", rate=NEW_CONTRIBUTORS)
