"""What the database itself guarantees: each test tries to break one rule with plain SQL."""

import uuid

import pytest
from django.db import DatabaseError, connection, transaction

from feedback.campaigns.models import Assignment, AssignmentState, Campaign, GoldItem, Task
from feedback.hybrid.models import AIJudge, LabelRoute
from feedback.people.models import ConsentRecord, Contributor, Rater
from feedback.people.services import audit_record
from feedback.pool.models import Comparison, ComparisonOrigin, Outcome, Preference
from feedback.publication.models import Release
from feedback.quality.models import Consensus
from feedback.routing.models import ModelRoute
from feedback.routing.prompt_vectors.models import PromptEncoder, PromptVector
from feedback.training.models import Checkpoint, Promotion, TrainingRun
from tests.feedback.builders import (
    judge,
    make_comparison,
    make_contributor,
    make_response,
    make_turn,
    make_version,
)

pytestmark = pytest.mark.django_db


@transaction.atomic
def execute(sql: str, params: list[object]) -> None:
    """Run the statement, and the checks that would wait for the commit."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refused(sql: str, params: list[object], rule: str) -> None:
    """The statement fails, and for the reason that is meant."""
    with pytest.raises(DatabaseError, match=rule):
        execute(sql, params)


def copy_of(row: object, **changed: object) -> tuple[str, list[object]]:
    """An INSERT of the same row again, with a new key and the given columns changed."""
    table = row._meta.db_table  # type: ignore[attr-defined]
    columns = [f.column for f in row._meta.concrete_fields]  # type: ignore[attr-defined]
    fresh: dict[str, object] = {"id": uuid.uuid4(), **changed}
    if "public_id" in columns:
        fresh.setdefault("public_id", uuid.uuid4().hex)
    picked = ", ".join("%s" if c in fresh else c for c in columns)
    values = [fresh[c] for c in columns if c in fresh]
    sql = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {picked} FROM {table} WHERE id = %s"
    return sql, [*values, row.pk]  # type: ignore[attr-defined]


@pytest.fixture
def alice() -> Contributor:
    return make_contributor("Alice")


@pytest.fixture
def preference(alice: Contributor) -> Preference:
    return judge(make_comparison(), alice, rationale="Clearer.")


@pytest.fixture
def campaign() -> Campaign:
    return Campaign.objects.create(slug="c", name="C", overlap=2)


@pytest.fixture
def task(campaign: Campaign) -> Task:
    return Task.objects.create(
        campaign=campaign, comparison=make_comparison(), wanted=2, shuffle_key=1
    )


def make_assignment(task: Task, contributor: Contributor) -> Assignment:
    return Assignment.objects.create(
        task=task, contributor=contributor, order_shown="ab", expires_at="2100-01-01T00:00Z"
    )


def make_run(**fields: object) -> TrainingRun:
    return TrainingRun.objects.create(
        kind="reward", config_digest="c", code_version="1", snapshot_digest="s", **fields
    )


# --- people ---------------------------------------------------------------------------------------
def test_a_public_id_is_unique(alice: Contributor) -> None:
    refused(*copy_of(alice, public_id=alice.public_id, name="Someone"), "contributor_public_id_key")


def test_a_rater_is_a_contributor_or_has_a_label() -> None:
    rater = Rater.objects.create(kind="human", source="s", label="l")
    refused(*copy_of(rater, label=""), "rater_is_a_contributor_or_has_a_label")


def test_an_imported_rater_is_one_row() -> None:
    rater = Rater.objects.create(kind="human", source="s", label="l")
    refused(*copy_of(rater), "rater_source_label_unique")


def test_a_rater_is_human_or_ai() -> None:
    rater = Rater.objects.create(kind="human", source="s", label="l")
    refused(*copy_of(rater, label="m", kind="ghost"), "rater_kind_is_known")


@pytest.mark.parametrize("verb", ["UPDATE {} SET created_at = now()", "DELETE FROM {}"])
def test_consent_is_append_only(alice: Contributor, verb: str) -> None:
    assert ConsentRecord.objects.filter(contributor=alice).exists()
    refused(verb.format("feedback_consentrecord"), [], "append-only")


@pytest.mark.parametrize("verb", ["UPDATE {} SET action = 'x'", "DELETE FROM {}"])
def test_the_audit_trail_is_append_only(alice: Contributor, verb: str) -> None:
    audit_record(actor=alice, action="look", subject="at this")
    refused(verb.format("feedback_auditevent"), [], "append-only")


# --- registry and pool ----------------------------------------------------------------------------
def test_a_version_is_unique_in_its_model() -> None:
    refused(*copy_of(make_version(), label="other"), "version_unique_in_its_model")


def test_a_label_names_one_version() -> None:
    version = make_version()
    refused(*copy_of(version, version="2"), "label")


def test_a_sample_of_a_version_is_one_response() -> None:
    response = make_response(make_turn(), make_version())
    refused(*copy_of(response), "response_sample_unique")


def test_an_unknown_version_may_answer_twice() -> None:
    response = make_response(make_turn(), None)
    execute(*copy_of(response))
    assert response.turn.responses.count() == 2


def test_an_imported_prompt_is_one_turn() -> None:
    turn = make_turn()
    turn.import_key = b"k" * 32
    turn.save()
    refused(*copy_of(turn, position=1), "import_key")


def test_a_turn_has_its_place_in_a_conversation() -> None:
    refused(*copy_of(make_turn()), "turn_position_unique")


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_an_outcome_lies_between_0_and_1(score: float) -> None:
    outcome = Outcome.objects.create(turn=make_turn(), version=make_version(), score=1, source="s")
    refused(*copy_of(outcome, source="t", score=score), "outcome_score_in_0_1")


def test_an_outcome_is_unique_in_its_source() -> None:
    outcome = Outcome.objects.create(turn=make_turn(), version=make_version(), score=1, source="s")
    refused(*copy_of(outcome), "outcome_unique_in_its_source")


def test_a_pair_of_responses_is_one_comparison_in_either_order() -> None:
    c = make_comparison()
    swapped = {"response_a_id": c.response_b_id, "response_b_id": c.response_a_id}
    refused(*copy_of(c), "comparison_unordered_pair_unique")
    refused(*copy_of(c, **swapped), "comparison_unordered_pair_unique")


def test_a_pair_of_models_on_a_question_is_one_comparison_in_either_order() -> None:
    c = Comparison.objects.create(
        turn=make_turn(), version_a=make_version(), version_b=make_version()
    )
    swapped = {"version_a_id": c.version_b_id, "version_b_id": c.version_a_id}
    refused(*copy_of(c, **swapped), "comparison_unordered_models_unique")


@pytest.mark.parametrize("side", ["response_a_id", "response_b_id"])
def test_both_responses_answer_the_comparisons_own_turn(side: str) -> None:
    elsewhere = make_response(make_turn(), make_version())
    refused(*copy_of(make_comparison(), **{side: elsewhere.id}), "in_turn")


def test_a_comparison_has_both_responses_or_none() -> None:
    c = make_comparison()
    refused(*copy_of(c, response_b_id=None), "comparison_has_both_responses_or_none")


def test_a_response_is_not_compared_with_itself() -> None:
    c = make_comparison()
    refused(*copy_of(c, response_b_id=c.response_a_id), "comparison_of_two_responses")


def test_a_comparison_without_texts_names_two_models() -> None:
    c = Comparison.objects.create(
        turn=make_turn(), version_a=make_version(), version_b=make_version()
    )
    refused(*copy_of(c, version_b_id=c.version_a_id), "comparison_without_texts_names_two_models")


def test_an_origin_is_written_once() -> None:
    origin = ComparisonOrigin.objects.create(
        comparison=make_comparison(), kind="import", source="s"
    )
    refused(*copy_of(origin), "origin_unique")


# --- preferences ----------------------------------------------------------------------------------
def test_a_rater_has_one_active_preference_on_a_comparison(preference: Preference) -> None:
    refused(*copy_of(preference, idempotency_key="other"), "preference_one_active_per_rater")


def test_an_idempotency_key_is_used_once_by_a_rater(preference: Preference) -> None:
    other = make_comparison()
    refused(*copy_of(preference, comparison_id=other.id), "preference_idempotency_key_unique")


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"choice": "c"}, "preference_choice_is_known"),
        ({"strength": -1.0}, "preference_strength_belongs_to_a_winner"),
        ({"strength": float("nan")}, "preference_strength_belongs_to_a_winner"),
        ({"choice": "tie", "strength": 1.0}, "preference_strength_belongs_to_a_winner"),
        ({"confidence": 1.5}, "preference_confidence_in_0_1"),
        ({"consent_id": None, "licence": ""}, "preference_has_a_consent_or_a_licence"),
        ({"removed_number": 7}, "preference_removed_after_publication"),
    ],
)
def test_a_preference_says_only_what_it_may(
    preference: Preference, changed: dict[str, object], rule: str
) -> None:
    fresh = {"comparison_id": make_comparison().id, "idempotency_key": "other"}
    refused(*copy_of(preference, **fresh, **changed), rule)


@pytest.mark.parametrize(
    "change",
    [
        "choice = 'b'",
        "rationale = 'Other words.'",
        "rater_id = (SELECT id FROM feedback_rater WHERE label = 'x')",
        "judged_at = now() + interval '1 day'",
        "state = 'superseded', choice = 'tie'",
    ],
)
def test_a_preference_is_not_edited(preference: Preference, change: str) -> None:
    refused(f"UPDATE feedback_preference SET {change}", [], "append-only|null value")


def test_a_preference_is_not_deleted(preference: Preference) -> None:
    refused("DELETE FROM feedback_preference", [], "append-only")


@pytest.mark.parametrize("state", ["active", "superseded", "quarantined"])
def test_what_was_withdrawn_does_not_come_back(preference: Preference, state: str) -> None:
    Preference.objects.update(state="withdrawn", rationale="")
    refused("UPDATE feedback_preference SET state = %s", [state], "does not go from")


def test_a_publication_number_is_given_once(preference: Preference) -> None:
    Preference.objects.update(published_number=1)
    refused("UPDATE feedback_preference SET published_number = 2", [], "given once")
    refused("UPDATE feedback_preference SET published_number = NULL", [], "given once")


def test_a_withdrawal_must_erase_the_free_text(preference: Preference) -> None:
    refused("UPDATE feedback_preference SET state = 'withdrawn'", [], "append-only")
    Preference.objects.update(state="withdrawn", rationale="")
    assert Preference.objects.get().state == "withdrawn"


# --- campaigns and assignments --------------------------------------------------------------------
def test_a_contributor_has_one_assignment_of_a_task(task: Task, alice: Contributor) -> None:
    assignment = make_assignment(task, alice)
    refused(*copy_of(assignment, token="t2"), "assignment_once_per_contributor")


def test_live_and_submitted_assignments_never_exceed_the_overlap(task: Task) -> None:
    first, second, third = (make_contributor() for _ in range(3))
    live, _ = make_assignment(task, first), make_assignment(task, second)
    sql, params = copy_of(live, token="t3", contributor_id=third.id)
    refused(sql, params, "task_never_taken_beyond_overlap")
    Assignment.objects.filter(pk=live.pk).update(state=AssignmentState.SUBMITTED)
    refused(sql, params, "task_never_taken_beyond_overlap")


def test_a_skip_makes_room_again(task: Task) -> None:
    first, second, third = (make_contributor() for _ in range(3))
    live, _ = make_assignment(task, first), make_assignment(task, second)
    Assignment.objects.filter(pk=live.pk).update(state=AssignmentState.SKIPPED)
    make_assignment(task, third)
    task.refresh_from_db()
    assert (task.taken, task.submitted) == (2, 0)


def test_an_assignment_has_one_active_preference(
    task: Task, alice: Contributor, preference: Preference
) -> None:
    assignment = make_assignment(task, alice)
    sql, params = copy_of(
        preference,
        comparison_id=task.comparison_id,
        idempotency_key="k2",
        assignment_id=assignment.id,
    )
    execute(sql, params)
    bob = Rater.objects.get(contributor=make_contributor("Bob"))
    again = copy_of(preference, rater_id=bob.id, idempotency_key="k3", assignment_id=assignment.id)
    refused(*again, "preference_one_active_per_assignment")


def test_a_comparison_is_one_task_of_a_campaign(task: Task) -> None:
    refused(*copy_of(task), "task_unique")


def test_a_gold_item_is_written_once(campaign: Campaign) -> None:
    gold = GoldItem.objects.create(campaign=campaign, comparison=make_comparison(), choice="a")
    refused(*copy_of(gold), "gold_item_unique")


# --- decisions ------------------------------------------------------------------------------------
def test_a_judge_that_is_called_has_a_template() -> None:
    rater = Rater.objects.create(kind="ai", source="s", label="judge")
    judge_row = AIJudge.objects.create(rater=rater)
    refused(
        "UPDATE feedback_aijudge SET version_id = %s WHERE id = %s",
        [make_version().id, judge_row.id],
        "judge_that_is_called_has_a_template",
    )


@pytest.mark.parametrize("propensity", [0.0, 1.1])
def test_a_label_route_has_a_propensity(campaign: Campaign, propensity: float) -> None:
    route = LabelRoute.objects.create(
        campaign=campaign,
        comparison=make_comparison(),
        destination="human",
        gain=1,
        propensity=1,
        router_version="1",
    )
    refused(
        *copy_of(route, router_version="2", propensity=propensity),
        "label_route_propensity_in_0_1",
    )
    refused(*copy_of(route), "label_route_unique")


def test_a_model_route_has_a_propensity() -> None:
    route = ModelRoute.objects.create(
        policy="auto",
        considered=[],
        chosen=[uuid.uuid4()],
        pair_propensity=0.5,
        router_version="1",
        latency_ms=1,
    )
    refused(*copy_of(route, pair_propensity=0), "model_route_propensity_in_0_1")


def test_a_consensus_is_a_distribution() -> None:
    consensus = Consensus.objects.create(
        comparison=make_comparison(),
        p_a=0.25,
        p_b=0.25,
        p_tie=0.25,
        p_both_bad=0.25,
        n_human=1,
        n_ai=0,
        updated_at="2026-01-01T00:00Z",
    )
    other = make_comparison().id
    refused(*copy_of(consensus, comparison_id=other, p_a=0.9), "consensus_is_a_distribution")


# --- training and publication ---------------------------------------------------------------------
def test_a_run_is_unique_by_what_goes_in_unless_it_came_to_nothing() -> None:
    run = make_run()
    again = {"number": 10_000}
    refused(*copy_of(run, **again), "run_unique_by_what_goes_in")
    TrainingRun.objects.update(state="failed")
    execute(*copy_of(run, **again, state="queued"))
    assert TrainingRun.objects.count() == 2


def test_a_run_is_of_a_known_kind() -> None:
    make_run()
    refused("UPDATE feedback_trainingrun SET kind = 'magic'", [], "run_kind_is_known")


def test_one_checkpoint_of_a_kind_is_live() -> None:
    live = Checkpoint.objects.create(
        run=make_run(), kind="reward", version=1, path="p", digest="d", files={}, state="live"
    )
    other = make_run(seed=2)
    refused(*copy_of(live, run_id=other.id, version=2), "checkpoint_one_live_per_kind")
    refused(*copy_of(live, run_id=other.id, state="candidate"), "checkpoint_version_unique")


def test_promotions_are_append_only() -> None:
    checkpoint = Checkpoint.objects.create(
        run=make_run(), kind="reward", version=1, path="p", digest="d", files={}
    )
    Promotion.objects.create(kind="reward", checkpoint=checkpoint)
    refused("UPDATE feedback_promotion SET evidence = '{}'", [], "append-only")


def test_a_vector_has_the_dimension_of_its_encoder() -> None:
    small, large = (
        PromptEncoder.objects.create(name="e", version="1", dimension=size) for size in (2, 3)
    )
    known = PromptVector.objects.create(
        content_hash=b"1" * 32, encoder=small, dimension=2, vector=[1, 0]
    )
    refused(*copy_of(known, content_hash=b"2" * 32, dimension=3), "prompt_vector_dimension")
    refused(*copy_of(known, encoder_id=large.id), "prompt_vector_of_its_encoder")
    refused(*copy_of(known), "prompt_vector_unique")


def test_a_release_takes_a_retraction_and_nothing_else() -> None:
    release = Release.objects.create(
        version="2026.11", digest="d", last_number=1, files=[], counts={}, licences=[]
    )
    refused("UPDATE feedback_release SET digest = 'e'", [], "immutable")
    refused("DELETE FROM feedback_release", [], "append-only")
    Release.objects.filter(pk=release.pk).update(retracted_at="2026-12-01T00:00Z")
    refused("UPDATE feedback_release SET retracted_at = NULL", [], "immutable")
