"""Writes about who labels what: the judges, a campaign's budget, the decisions."""

from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from feedback.campaigns.models import Campaign, Task
from feedback.errors import refuse_problems
from feedback.hybrid.draw import Decision, decisions_draw, seed_of
from feedback.hybrid.labels import uncertainties_load
from feedback.hybrid.models import AIJudge, Destination, LabelRoute
from feedback.people.models import Contributor, Rater, RaterKind
from feedback.people.services import audit_record

ROUTER = "signals-1"  # stored with every decision
BUDGET_LIMIT = 10_000_000

APPLY = """
UPDATE feedback_task t SET wanted = %(overlap)s, priority = d.priority
  FROM unnest(%(comparisons)s::uuid[], %(priorities)s::float8[]) AS d (comparison_id, priority)
 WHERE t.campaign_id = %(campaign)s AND t.comparison_id = d.comparison_id
"""


def judges_register() -> int:
    """Make AI raters of imports AI judges, whose labels are only recorded; return how many."""
    missing = Rater.objects.filter(kind=RaterKind.AI, judge=None)
    return len(AIJudge.objects.bulk_create(AIJudge(rater=rater) for rater in missing))


def campaigns_route() -> int:
    """Decide in every open campaign with a human budget; return the number of decisions."""
    judges_register()
    campaigns = Campaign.objects.open().with_budget()
    return sum(labels_route(campaign=campaign) for campaign in campaigns)


def labels_route(*, campaign: Campaign) -> int:
    """Decide who labels what is undecided in a campaign; return the number of decisions.

    A round decides what is new, and as long as budget is left also what had kept its AI label.
    It never plans more human judgments than the budget.
    """
    with transaction.atomic():
        locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
        people = _affordable(locked)
        candidates = _candidates(locked, undecided_only=people == 0)
        if not candidates:
            return 0
        version = _next_version(locked)
        decisions = decisions_draw(
            uncertainties_load(locked, candidates),
            people=people,
            explore_share=locked.explore_share,
            seed=seed_of(locked.id, version),
        )
        _write(locked, version, decisions)
    return len(decisions)


def budget_set(
    *, campaign: Campaign, human_budget: int, explore_share: float, actor: Contributor
) -> None:
    """Change how many human judgments a campaign may spend, and which share explores."""
    planned = planned_judgments(campaign)
    enough = planned <= human_budget <= BUDGET_LIMIT
    too_small = _("At least %s: so many are given or asked for already.") % planned
    no_share = _("Enter a share between 0 and 100 per cent.")
    refuse_problems(
        {
            "human_budget": "" if enough else too_small,
            "explore_share": "" if 0 <= explore_share <= 1 else no_share,
        },
        _("The budget was not changed."),
    )
    with transaction.atomic():
        campaign.human_budget, campaign.explore_share = human_budget, explore_share
        campaign.save(update_fields=["human_budget", "explore_share"])
        detail = {"human_budget": human_budget, "explore_share": explore_share}
        audit_record(actor=actor, action="campaign.budget", subject=campaign.slug, detail=detail)
        labels_route(campaign=campaign)


def planned_judgments(campaign: Campaign) -> int:
    """Return how many human judgments a campaign has or has asked for."""
    tasks = Task.objects.without_gold().filter(campaign=campaign)
    total: int = tasks.aggregate(n=Sum("wanted", default=0))["n"]
    return total


def _affordable(campaign: Campaign) -> int:
    """Return how many comparisons more can go to people."""
    left = (campaign.human_budget or 0) - planned_judgments(campaign)
    return max(0, left) // campaign.overlap


def _candidates(campaign: Campaign, *, undecided_only: bool) -> list[UUID]:
    """Return what has not gone to people yet; or only what nothing was decided about.

    Nothing is decided about a text that is out of circulation, until it comes back.
    """
    waiting = Task.objects.filter(campaign=campaign, wanted=0, comparison__withheld_at=None)
    if undecided_only:
        decided = LabelRoute.objects.filter(campaign=campaign).values("comparison")
        waiting = waiting.exclude(comparison__in=decided)
    return list(waiting.values_list("comparison_id", flat=True))


def _next_version(campaign: Campaign) -> str:
    """Return the router's name and the round, so that each round is told apart in the log."""
    rounds = LabelRoute.objects.filter(campaign=campaign).values("router_version").distinct()
    return f"{ROUTER} round {rounds.count() + 1}"


def _write(campaign: Campaign, version: str, decisions: list[Decision]) -> None:
    """Log the decisions, and ask people for what goes to them."""
    LabelRoute.objects.bulk_create(
        (
            LabelRoute(
                campaign=campaign,
                comparison_id=decision.comparison,
                destination=decision.destination,
                reason=decision.reason,
                gain=decision.gain,
                propensity=decision.propensity,
                router_version=version,
            )
            for decision in decisions
        ),
        batch_size=2000,
    )
    people = [each for each in decisions if each.destination == Destination.HUMAN]
    with connection.cursor() as cursor:
        cursor.execute(
            APPLY,
            {
                "campaign": campaign.id,
                "overlap": campaign.overlap,
                "comparisons": [each.comparison for each in people],
                "priorities": [each.priority for each in people],
            },
        )
