"""A campaign with tasks, made of real rows."""

import secrets

from feedback.campaigns.models import Campaign, Task
from tests.feedback.builders import make_comparison, make_version


def make_campaign(*, tasks: int = 3, overlap: int = 1, slug: str = "advice", **fields) -> Campaign:
    """An open campaign with tasks of equal priority."""
    campaign = Campaign.objects.create(
        slug=slug, name=f"Campaign {slug}", overlap=overlap, **fields
    )
    a, b = make_version(), make_version()
    for _ in range(tasks):
        Task.objects.create(
            campaign=campaign,
            comparison=make_comparison(version_a=a, version_b=b),
            wanted=overlap,
            shuffle_key=secrets.randbits(62),
        )
    return campaign
