"""The weight and the first render of the queue's page, in a real Chromium.

    python tests/benchmarks/bench_page.py URL [--repeat 5]

URL: a site that runs (`make run`), with an open campaign. Each repetition is a fresh visitor with
an empty cache who opens the Annotate page at 4× CPU throttle. Printed as JSON: bytes over the wire
(all of them, headers too, by kind), the first contentful paint in ms (median and worst), and the
cumulative layout shift until two seconds after it, through one judgment.
"""

import argparse
import json
import shutil
import statistics
from collections import Counter
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
THROTTLE = 4
WATCH = """
window.shift = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({type: 'layout-shift', buffered: true});
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def visit(browser: Browser, url: str, width: int) -> dict[str, Any]:
    """One visitor who has agreed to the terms and has nothing cached."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(f"{url}/annotate/")
    page.get_by_role("button", name="Agree and start").click()
    page.locator("#task").wait_for()
    page.goto("about:blank")
    seen = measured(page, f"{url}/annotate/")
    context.close()
    return seen


def measured(page: Page, address: str) -> dict[str, Any]:
    """Open the page throttled and uncached, judge once, and count."""
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.clearBrowserCache")
    client.send("Network.setCacheDisabled", {"cacheDisabled": True})
    client.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
    kinds: dict[str, str] = {}
    weights: Counter[str] = Counter()
    client.on("Network.responseReceived", lambda e: kinds.update({e["requestId"]: e["type"]}))
    client.on(
        "Network.loadingFinished",
        lambda e: weights.update({kinds.get(e["requestId"], "Other"): int(e["encodedDataLength"])}),
    )
    page.add_init_script(WATCH)
    page.goto(address, wait_until="load")
    page.wait_for_timeout(500)
    first = dict(weights)
    page.wait_for_timeout(2000)
    page.keyboard.press("0")
    page.wait_for_timeout(1500)
    return {
        "bytes": first,
        "total": sum(first.values()),
        "paint_ms": page.evaluate(PAINT),
        "layout_shift": page.evaluate("window.shift"),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for width in (1280, 390):
            visits = [visit(browser, options.url.rstrip("/"), width) for _ in range(options.repeat)]
            paints = [each["paint_ms"] for each in visits]
            result = {
                "width": width,
                "bytes": visits[0]["bytes"],
                "total_bytes": max(each["total"] for each in visits),
                "paint_ms_median": round(statistics.median(paints)),
                "paint_ms_worst": round(max(paints)),
                "layout_shift_worst": max(each["layout_shift"] for each in visits),
            }
            print(json.dumps(result))
        browser.close()


if __name__ == "__main__":
    main()
