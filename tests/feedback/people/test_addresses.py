"""Whose address a request has: only what a trusted proxy saw is believed."""

import pytest
from django.test import RequestFactory

from feedback.people.rate_limits.addresses import client_address, client_network

CHAIN = "203.0.113.9, 198.51.100.7, 192.0.2.1"  # what the client wrote, then two proxies


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, CHAIN, "127.0.0.1"),
        (1, CHAIN, "192.0.2.1"),
        (2, CHAIN, "198.51.100.7"),
        (4, CHAIN, "127.0.0.1"),
        (1, "", "127.0.0.1"),
        (1, "<script>", "127.0.0.1"),
    ],
)
def test_the_number_of_trusted_proxies_says_which_part_counts(settings, proxies, forwarded, seen):
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})
    assert client_address(request) == seen


def test_an_ipv6_network_counts_as_one_client():
    requests = [
        RequestFactory().get("/", REMOTE_ADDR=address)
        for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1")
    ]
    assert [client_network(request) for request in requests] == [
        "2001:db8:1:2::",
        "2001:db8:1:2::",
        "2001:db8:1:3::",
    ]
