"""Bring the database of a site up to date before its processes work; every start calls it."""

from dataclasses import dataclass

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from feedback.database.locks import Lock, session_lock
from feedback.operations.schedules import schedules_ensure
from feedback.people.invitations.services import invitation_create
from feedback.people.models import Contributor, Role
from feedback.registry.house_models import house_models_ensure


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """How many migrations were applied, periodic tasks and house models there are, and a way in.

    `invitation` is the path of a link that works once and makes its visitor the operator; None
    where there is an operator.
    """

    migrations: int
    schedules: int
    house_models: int
    invitation: str | None


def site_prepare() -> Prepared:
    """Apply migrations, write tasks and house models, and invite the first operator.

    A repeat changes nothing. Where several start at once, the others wait for the first and then
    find nothing left to do.
    """
    with session_lock(Lock.PREPARATION):
        missing = len(migrations_missing())
        call_command("migrate", interactive=False, verbosity=0)
        has_operator = Contributor.objects.filter(role=Role.OPERATOR).exists()
        return Prepared(
            migrations=missing,
            schedules=schedules_ensure(),
            house_models=house_models_ensure(),
            invitation=None if has_operator else invitation_create(role=Role.OPERATOR),
        )


def migrations_missing() -> list[str]:
    """Return the names of the migrations that are not applied yet, in their order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [str(migration) for migration, _backwards in plan]
