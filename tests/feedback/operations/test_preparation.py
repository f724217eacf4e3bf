"""`manage.py prepare`: what every start of a site calls, once or from several machines."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django_celery_beat.models import PeriodicTask

from feedback.operations.preparation import Prepared, site_prepare
from feedback.operations.schedules import PERIODIC
from feedback.people.models import Contributor


@pytest.mark.django_db
def test_it_writes_the_schedules_and_invites_until_somebody_is_the_operator(
    stranger: Client,
) -> None:
    out = StringIO()
    call_command("prepare", stdout=out)
    prepared = json.loads(out.getvalue())
    assert (prepared["migrations"], prepared["schedules"]) == (0, len(PERIODIC))
    assert re.fullmatch(r"/people/invitation/[\w-]+/", prepared["invitation"])
    assert stranger.get(prepared["invitation"]).status_code == 200


@pytest.mark.django_db
def test_a_repeat_changes_nothing(olivia: Contributor) -> None:
    site_prepare()
    rows = list(PeriodicTask.objects.order_by("id").values_list("id", "name"))
    assert site_prepare() == Prepared(
        migrations=0, schedules=len(PERIODIC), house_models=0, invitation=None
    )
    assert list(PeriodicTask.objects.order_by("id").values_list("id", "name")) == rows


@pytest.mark.django_db(transaction=True)
def test_several_may_start_at_once() -> None:
    def start(_number: int) -> int:
        try:
            return site_prepare().schedules
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [len(PERIODIC)] * 4
    names = list(PeriodicTask.objects.values_list("name", flat=True))
    assert len(names) == len(set(names))
