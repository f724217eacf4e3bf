"""The live export: what it gives, when, and to whom."""

import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from feedback.people.models import ConsentRecord, Rater
from feedback.pool.judgment import Judgment
from feedback.pool.lifecycle import judgments_publish
from feedback.pool.models import Comparison, Outcome, Preference
from feedback.pool.reactions import reaction_record
from feedback.pool.services import Provenance, preference_record
from feedback.publication.shapes import SHAPES, reading
from feedback.quality.models import Consensus
from feedback.registry.models import Topic
from tests.feedback.builders import (
    judge,
    make_comparison,
    make_contributor,
    make_turn,
    make_version,
    withdraw,
)

pytestmark = [
    pytest.mark.django_db,
    # The test client is synchronous and reads the asynchronous stream at once.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous"),
]


@pytest.fixture(autouse=True)
def _publish_at_once(settings: Settings) -> None:
    settings.PUBLICATION_DELAY_SECONDS = 0


def export(client: Client, **query: str) -> Any:
    """The response, with its bytes read, after a round of publishing."""
    judgments_publish()
    response = client.get("/api/v1/preferences/export/", query)
    response.body = b"".join(response)
    return response


def lines(client: Client, **query: str) -> list[dict[str, Any]]:
    """The rows of a JSON lines export."""
    return [json.loads(line) for line in export(client, **query).body.splitlines()]


def make_consensus(comparison: Comparison, **p: float) -> Consensus:
    """A posterior; what is not given is 0."""
    values = {"p_a": 0.0, "p_b": 0.0, "p_tie": 0.0, "p_both_bad": 0.0} | p
    return Consensus.objects.create(
        comparison=comparison, n_human=1, n_ai=0, updated_at=timezone.now(), **values
    )


@pytest.fixture
def pool() -> list[Preference]:
    """Four judgments by two people, a consensus for each comparison, an outcome."""
    alice, bob = make_contributor(), make_contributor()
    first, second = make_comparison(), make_comparison()
    first.turn.topics.add(Topic.objects.create(slug="law", name="Law"))
    made = [
        judge(first, alice, "a", strength=2.0, rationale="Clear, with „quotes“ and\nlines."),
        judge(first, bob, "both_bad"),
        judge(second, alice, "tie", aspects={"helpful": "a"}, reasons=("short",)),
        judge(second, bob, "b"),
    ]
    make_consensus(first, p_a=0.7, p_both_bad=0.3)
    make_consensus(second, p_b=0.4, p_tie=0.6)
    Outcome.objects.create(turn=first.turn, version=first.version_a, score=0.5, source="s")
    reaction_record(response=first.response_a, rater=made[0].rater, kind="thumb", value="up")
    return made


def test_a_row_says_all_that_is_known_of_a_judgment(client: Client, pool: list[Preference]) -> None:
    rows = lines(client)
    assert [row["id"] for row in rows] == [one.public_id for one in pool]
    first = rows[0]
    assert list(first) == SHAPES["preferences"].schema.names
    assert first["messages"] == pool[0].comparison.turn.messages
    assert (first["choice"], first["strength"], first["licence"]) == ("a", 2.0, "CC-BY-4.0")
    assert (first["rater_kind"], first["judge"], first["topics"]) == ("human", None, ["law"])
    assert json.loads(rows[2]["aspects"]) == {"helpful": "a"}
    assert pool[0].rater.contributor.public_id not in json.dumps(rows)


@pytest.mark.parametrize("shape", SHAPES)
def test_json_lines_and_parquet_carry_the_same_rows_in_the_same_order(
    client: Client, pool: list[Preference], shape: str
) -> None:
    from_lines = lines(client, shape=shape)
    table = pq.read_table(io.BytesIO(export(client, shape=shape, format="parquet").body))
    from_parquet = json.loads(json.dumps(table.to_pylist(), default=_as_text))
    assert from_lines
    assert from_parquet == from_lines
    assert table.column_names == SHAPES[shape].schema.names


def _as_text(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z")


def test_chunks_are_joined_without_a_seam(
    client: Client, pool: list[Preference], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = lines(client)
    monkeypatch.setattr(reading, "CHUNK", 1)
    assert lines(client) == whole


def test_trl_rows_are_decided_comparisons_with_a_margin(
    client: Client, pool: list[Preference]
) -> None:
    (row,) = lines(client, shape="trl")
    comparison = pool[0].comparison
    assert row["chosen"] == [{"role": "assistant", "content": comparison.response_a.text}]
    assert row["rejected"] == [{"role": "assistant", "content": comparison.response_b.text}]
    assert row["margin"] == pytest.approx(0.7)


def test_votes_keep_ties_and_both_bad_apart(client: Client, pool: list[Preference]) -> None:
    winners = [row["winner"] for row in lines(client, shape="votes")]
    assert winners == ["model_a", "both_bad", "tie", "model_b"]


def test_a_vote_needs_two_known_models(client: Client, pool: list[Preference]) -> None:
    Comparison.objects.update(version_a=None)
    assert lines(client, shape="votes") == []
    assert len(lines(client)) == 4


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"topic": "law"}, 2),
        ({"rater_kind": "human"}, 4),
        ({"rater_kind": "ai"}, 0),
        ({"campaign": "none"}, 0),
        ({"language": "de"}, 0),
    ],
)
def test_filters_narrow_the_rows(
    client: Client, pool: list[Preference], query: dict[str, str], expected: int
) -> None:
    assert len(lines(client, **query)) == expected


def test_nothing_is_public_before_its_delay(
    client: Client, pool: list[Preference], settings: Settings
) -> None:
    settings.PUBLICATION_DELAY_SECONDS = 3600
    assert lines(client) == []
    assert lines(client, shape="consensus") == []
    settings.PUBLICATION_DELAY_SECONDS = 0
    assert len(lines(client)) == 4


def test_only_what_somebody_here_gave_waits_for_its_delay(
    client: Client, settings: Settings
) -> None:
    """A judge of a file is published already; on a person's own question it waits with them."""
    settings.PUBLICATION_DELAY_SECONDS = 3600
    asked_here = make_comparison()
    asked_here.turn.conversation.contributor = make_contributor()
    asked_here.turn.conversation.save()
    rater = Rater.objects.create(kind="ai", source="a file", label="judge")
    given = {}
    for comparison in (imported := make_comparison(), asked_here):
        given[comparison], _ = preference_record(
            comparison=comparison,
            rater_id=rater.pk,
            judgment=Judgment(choice="a"),
            idempotency_key=comparison.public_id,
            provenance=Provenance(source="a file", licence="CC0-1.0", judged_at=timezone.now()),
        )
    judge(imported, make_contributor(), "b")
    assert [row["id"] for row in lines(client)] == [given[imported].public_id]
    settings.PUBLICATION_DELAY_SECONDS = 0
    assert len(lines(client)) == 3


def test_a_private_judgment_and_one_without_consent_to_publish_stay_inside(
    client: Client,
) -> None:
    careful = make_contributor()
    judge(make_comparison(), careful, "a", visibility="private")
    ConsentRecord.objects.create(
        contributor=careful, terms_version="t", licence="CC0-1.0", scope=["train"]
    )
    judge(make_comparison(), careful, "a")
    assert lines(client) == []


def test_since_gives_only_what_is_new_and_what_was_withdrawn(
    client: Client, pool: list[Preference]
) -> None:
    cursor = export(client)["X-Next-Cursor"]
    assert lines(client, since=cursor) == []
    alice = pool[0].rater.contributor
    withdraw(pool[0], alice)
    fleeting = judge(make_comparison(), alice, "b")
    lasting = judge(make_comparison(), alice, "a")
    export(client)
    withdraw(fleeting, alice)
    rows = lines(client, since=cursor)
    assert [row["id"] for row in rows] == [pool[0].public_id, lasting.public_id]
    assert rows[0] == {"id": pool[0].public_id, "withdrawn": True}
    table = pq.read_table(io.BytesIO(export(client, since=cursor, format="parquet").body))
    assert table["withdrawn"].to_pylist() == [True, None]


def test_a_change_of_mind_takes_the_published_judgment_back(
    client: Client, pool: list[Preference]
) -> None:
    cursor = export(client)["X-Next-Cursor"]
    changed = judge(pool[0].comparison, pool[0].rater.contributor, "b", supersedes=pool[0])
    rows = lines(client, since=cursor)
    assert [(row["id"], row.get("withdrawn")) for row in rows] == [
        (pool[0].public_id, True),
        (changed.public_id, None),
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"shape": "magic"}, "shape"),
        ({"format": "xml"}, "format"),
        ({"since": "yesterday"}, "since"),
        ({"since": "5", "shape": "trl"}, "since"),
        ({"rater_kind": "ghost"}, "rater_kind"),
        ({"release": "2026.01"}, "release"),
    ],
)
def test_an_impossible_export_says_which_field(
    client: Client, query: dict[str, str], field: str
) -> None:
    response = client.get("/api/v1/preferences/export/", query)
    assert response.status_code == 400
    assert field in response.json()["error"]["fields"]


def test_an_empty_pool_gives_an_empty_file_of_the_right_columns(client: Client) -> None:
    assert export(client).body == b""
    table = pq.read_table(io.BytesIO(export(client, format="parquet").body))
    assert (table.num_rows, table.column_names) == (0, SHAPES["preferences"].schema.names)
    assert export(client, format="csv").body.decode().startswith("id,comparison_id,messages")


def test_votes_without_texts_are_exported_with_their_question(client: Client) -> None:
    turn = make_turn()
    turn.messages, turn.question_id = [], "q1"
    turn.save()
    comparison = Comparison.objects.create(
        turn=turn, version_a=make_version("A"), version_b=make_version("B")
    )
    judge(comparison, make_contributor(), "a")
    (vote,) = lines(client, shape="votes")
    assert (vote["question_id"], vote["model_a"], vote["winner"]) == ("q1", "A", "model_a")
    assert lines(client)[0]["response_a"] is None
