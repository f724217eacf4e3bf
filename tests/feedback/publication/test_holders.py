"""Who holds a judgment: one answer before and after its withdrawal, whatever files are damaged."""

import itertools
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from feedback.contributions.account_deletion import account_close
from feedback.people.models import Contributor
from feedback.people.services import apikey_create
from feedback.pool.models import Preference
from feedback.publication import holders
from feedback.publication.holders import Holders, holders_of, judgments_held
from feedback.publication.models import Release
from feedback.publication.services import judgment_withdraw
from feedback.training.models import Checkpoint, RunState, TrainingRun
from tests.feedback.builders import judge, make_comparison, make_contributor

pytestmark = pytest.mark.django_db

_digests = itertools.count(1)


@pytest.fixture
def data_dir(settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def make_checkpoint(version: int, folder: Path, *judgments: Preference) -> Path:
    """A checkpoint whose snapshot holds the judgments; gives the snapshot's file."""
    digest = f"holders-{next(_digests)}"
    run = TrainingRun.objects.create(
        kind="reward",
        state=RunState.SUCCEEDED,
        snapshot_digest=digest,
        config_digest=digest,
        started_at=timezone.now(),
    )
    Checkpoint.objects.create(
        run=run, kind="reward", version=version, path="artifact", digest=digest, files=[]
    )
    rows = {
        "preference_id": [str(one.id) for one in judgments],
        "rater": [one.rater.public_id for one in judgments],
    }
    schema = pa.schema([("preference_id", pa.string()), ("rater", pa.string())])
    file = folder / "snapshots" / digest / "preferences.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table(rows, schema=schema), file)
    return file


def make_release(version: str, last_number: int) -> None:
    Release.objects.create(
        version=version, digest="d", last_number=last_number, files=[], counts={}, licences=[]
    )


def held_by(*judgments: Preference) -> Holders:
    keys = [one.pk for one in judgments]
    return holders_of(judgments_held(Preference.objects.filter(pk__in=keys)))


def test_the_question_and_the_deed_give_one_answer(
    data_dir: Path, alice: Contributor, client: Client
) -> None:
    mine, other = judge(make_comparison(), alice), judge(make_comparison(), make_contributor())
    Preference.objects.filter(pk=mine.pk).update(published_number=5)
    make_release("2026.10", last_number=4)
    make_release("2026.11", last_number=5)
    make_checkpoint(1, data_dir, mine, other)
    make_checkpoint(2, data_dir, other)
    expected = Holders(releases=["2026.11"], checkpoints=["reward v1"])
    assert held_by(mine) == expected
    client.force_login(alice)
    page = client.get(f"/contributions/{mine.public_id}/withdraw/").content.decode()
    assert "release 2026.11, reward v1" in page
    assert judgment_withdraw(public_id=mine.public_id, actor=alice) == expected
    assert judgment_withdraw(public_id=mine.public_id, actor=alice).checkpoints == ["reward v1"]


def test_a_run_from_before_the_judgment_is_not_asked(data_dir: Path, alice: Contributor) -> None:
    make_checkpoint(1, data_dir).unlink()
    assert held_by(judge(make_comparison(), alice)) == Holders()


def test_a_damaged_or_missing_snapshot_does_not_stand_in_the_way(
    data_dir: Path, alice: Contributor, client: Client
) -> None:
    mine = judge(make_comparison(), alice)
    make_checkpoint(1, data_dir, mine).write_bytes(b"PAR1 no Parquet at all")
    make_checkpoint(2, data_dir, mine).unlink()
    make_checkpoint(3, data_dir, mine)
    pq.write_table(pa.table({"other": [1]}), make_checkpoint(4, data_dir, mine))
    key = apikey_create(contributor=alice, name="test", scopes=["preferences:write"])
    answer = client.post(
        f"/api/v1/preferences/{mine.public_id}/withdraw/",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "releases": [],
        "checkpoints": ["reward v3"],
        "unreadable": ["reward v1", "reward v2", "reward v4"],
    }
    mine.refresh_from_db()
    assert mine.state == "withdrawn"
    client.force_login(alice)
    page = client.get(f"/contributions/{mine.public_id}/withdraw/").content.decode()
    assert "reward v1, reward v2, reward v4" in page


def test_a_snapshot_that_could_not_be_read_is_tried_again(
    data_dir: Path, alice: Contributor
) -> None:
    mine = judge(make_comparison(), alice)
    file = make_checkpoint(1, data_dir, mine)
    file.rename(file.with_suffix(".away"))
    assert held_by(mine).unreadable == ["reward v1"]
    file.with_suffix(".away").rename(file)
    assert held_by(mine) == Holders(checkpoints=["reward v1"])


@pytest.mark.django_db(transaction=True)
def test_files_are_read_after_the_withdrawal_is_committed(
    data_dir: Path, alice: Contributor, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = judge(make_comparison(), alice)
    make_checkpoint(1, data_dir, mine)
    read = pq.read_table
    states = []

    def watched(*args, **kwargs):
        states.append((connection.in_atomic_block, Preference.objects.get(pk=mine.pk).state))
        return read(*args, **kwargs)

    monkeypatch.setattr(holders.pq, "read_table", watched)
    assert judgment_withdraw(public_id=mine.public_id, actor=alice).checkpoints == ["reward v1"]
    assert states == [(False, "withdrawn")]


def test_an_account_learns_what_held_its_judgments(data_dir: Path, alice: Contributor) -> None:
    first, second = judge(make_comparison(), alice), judge(make_comparison(), alice)
    Preference.objects.filter(pk=second.pk).update(published_number=5)
    make_release("2026.11", last_number=5)
    make_checkpoint(1, data_dir, first)
    make_checkpoint(2, data_dir).write_bytes(b"")
    assert account_close(contributor=alice, withdraw=True) == Holders(
        releases=["2026.11"], checkpoints=["reward v1"], unreadable=["reward v2"]
    )
    assert set(Preference.objects.values_list("state", flat=True)) == {"withdrawn"}
