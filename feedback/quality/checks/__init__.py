"""The checks of raters. A new one is a module here, and its name in this list."""

from feedback.quality.checks.base import Check
from feedback.quality.checks.gold import GOLD
from feedback.quality.checks.pace import PACE
from feedback.quality.checks.position import POSITION
from feedback.quality.checks.repeats import REPEATS
from feedback.quality.checks.sequential import SEQUENTIAL
from feedback.quality.checks.streak import STREAK
from feedback.quality.checks.ties import TIES

CHECKS: dict[str, Check] = {
    check.kind: check for check in (SEQUENTIAL, GOLD, PACE, POSITION, STREAK, TIES, REPEATS)
}
