"""Read who can be chosen."""

from feedback.registry.health import well_versions
from feedback.registry.models import ModelVersion
from feedback.routing.constraints import choosable
from feedback.routing.ttl_cache import cached_for_a_second


def routable_versions() -> list[ModelVersion]:
    """Return every version that may be chosen, by label: in use, not resting, past its gate.

    The list is up to a second old; `models_route` leaves out at once who cannot be asked any more.
    """
    return list(_routable())


@cached_for_a_second
def _routable() -> list[ModelVersion]:
    return list(choosable(well_versions()).order_by("label"))
