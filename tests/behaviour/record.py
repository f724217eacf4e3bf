"""Record how a checkout behaves: `python -m tests.behaviour.record --checkout PATH --out FILE`."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.behaviour.checkout import Checkout
from tests.behaviour.exports import record_exports
from tests.behaviour.judging import record_judging, record_withdrawal
from tests.behaviour.pages import record_pages
from tests.behaviour.site import Site, running_site
from tests.behaviour.trainings import record_trainers

OPENAPI = "application/vnd.oai.openapi+json"


def record_schema(site: Site) -> dict[str, Any]:
    """Return the OpenAPI document."""
    with site.client("visitor") as client:
        answer = client.get("/api/schema/", headers={"Accept": OPENAPI})
        schema: dict[str, Any] = answer.raise_for_status().json()
        return schema


OF_SITE: dict[str, Callable[[Site], Any]] = {
    "work": lambda site: site.work,
    "exports": record_exports,
    "schema": record_schema,
    "judging": record_judging,
    "pages": record_pages,
    "withdrawal": record_withdrawal,
}
PARTS = ("trainers", *OF_SITE)


def record(checkout: Checkout, parts: list[str]) -> dict[str, Any]:
    """Return the record of the named parts."""
    found: dict[str, Any] = {}
    if "trainers" in parts:
        found["trainers"] = record_trainers(checkout)
    if set(parts) & set(OF_SITE):
        with running_site(checkout) as site:
            found |= {name: take(site) for name, take in OF_SITE.items() if name in parts}
    return found


def main() -> None:
    """Write the record as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="behaviour-") as folder:
        work = Path(folder)
        work.chmod(0o711)
        (work / "data").mkdir(mode=0o711)
        found = record(Checkout(arguments.checkout.resolve(), work), arguments.parts)
    text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True)
    arguments.out.write_text(text + "\n", encoding="utf-8")
    sys.stderr.write(f"{arguments.out}: recorded in {time.monotonic() - started:.0f} s\n")


if __name__ == "__main__":
    main()
