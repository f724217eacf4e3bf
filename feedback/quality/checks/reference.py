"""The table of checks in `docs/quality.md`, made from the checks themselves; a test compares it."""

from feedback.quality.checks import CHECKS

HEAD = "| check | stored as | measured | concern when | from |\n|---|---|---|---|---|\n"


def checks_table() -> str:
    """Return the checks as a table in Markdown."""
    rows = (
        f"| {check.label} | `{check.kind}` | {check.measured} | "
        f"{check.concern.format(threshold=check.threshold, minimum=check.minimum)} | "
        f"{check.minimum} |\n"
        for check in CHECKS.values()
    )
    return HEAD + "".join(rows)
