"""A judgment's way over REST: leased, renewed, given, given again, withdrawn."""

import json
import re
from typing import Any

import httpx

from tests.behaviour.normalise import page_text
from tests.behaviour.site import Site
from tests.behaviour.starter import SINGLE
from tests.behaviour.visible_text import read_page

BODY = {
    "choice": "tie",
    "confidence": 0.75,
    "aspects": {"accuracy": "tie"},
    "reasons": ["too long"],
    "rationale": "Both say the same.",
    "duration_ms": 20_000,
}
RANDOM = ("responses", "models")  # in the order in which the answers were shown
ORDER = re.compile(r'("order_shown": )"\w+"')
OWN = re.compile(r"/contributions/([^/]+)/\w+/")


def record_judging(site: Site) -> dict[str, Any]:
    """Return what each call answered; the judgment stays, for the pages of its giver."""
    with _client(site) as client:
        asked = client.post("/api/v1/tasks/next/", json={"campaign": SINGLE})
        task = f"/api/v1/tasks/{asked.json().get('assignment')}"
        key = {"Idempotency-Key": "behaviour"}
        other = {**BODY, "choice": "1"}
        calls = {
            "next": asked,
            "next, without a key": httpx.post(f"{site.url}/api/v1/tasks/next/", json={}),
            "renew": client.post(f"{task}/renew/"),
            "submit nothing": client.post(f"{task}/submit/", json={}, headers=key),
            "submit": client.post(f"{task}/submit/", json=BODY, headers=key),
            "submit again": client.post(f"{task}/submit/", json=BODY, headers=key),
            "submit another": client.post(f"{task}/submit/", json=other, headers=key),
            "skip what is given": client.post(f"{task}/skip/", json={"reason": "other"}),
            "submit to nothing": client.post(
                "/api/v1/tasks/nothing/submit/", json=BODY, headers={"Idempotency-Key": "none"}
            ),
        }
        return {name: _answer(answer) for name, answer in calls.items()}


def record_withdrawal(site: Site) -> dict[str, Any]:
    """Withdraw that judgment; return the answers, and what its giver can download then."""
    with _client(site) as client, site.client("contributor") as browser:
        links = read_page(browser.get("/contributions/").text).links
        name = next(found[1] for link in links if (found := OWN.match(link)))
        address = f"/api/v1/preferences/{name}/withdraw/"
        calls = {
            "withdraw": client.post(address),
            "withdraw again": client.post(address),
            "withdraw nothing": client.post("/api/v1/preferences/nothing/withdraw/"),
            "without a key": httpx.post(f"{site.url}{address}"),
            "own data": browser.get("/contributions/data.json"),
            "feed": client.get("/api/v1/withdrawals/"),
        }
        return {name: _answer(answer) for name, answer in calls.items()}


def _client(site: Site) -> httpx.Client:
    return httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {site.key}"})


def _answer(answer: httpx.Response) -> dict[str, Any]:
    is_json = "json" in answer.headers.get("content-type", "")
    body = answer.json() if is_json else None  # of a page the status says enough
    if isinstance(body, dict):
        body = {name: sorted(v) if name in RANDOM else v for name, v in body.items()}
    text = json.dumps(body, ensure_ascii=False, sort_keys=True)
    return {"status": answer.status_code, "body": ORDER.sub(r"\1<order>", page_text(text))}
