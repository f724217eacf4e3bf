"""Large pools for measurements, made by a few statements; the pool's constraints and triggers hold.

    PYTHONPATH=platform:. DJANGO_SETTINGS_MODULE=config.settings python -c "
    import django; django.setup()
    from tests.benchmarks.pools import fill_comparisons, fill_judgments
    fill_comparisons(400_000, models=30); fill_judgments(1_000_000)"

Meant for an empty, migrated database: identifiers are counted from one. A million judgments take
a minute or two on two cores. Columns that are not named here get the model's own default, so that
a new column elsewhere needs no change here.
"""

from typing import Any

from django.db import connection, models

from feedback.campaigns.models import Assignment, Campaign
from feedback.people.models import Contributor, Rater
from feedback.people.selectors import rater_of
from feedback.pool.models import Comparison, Conversation, Preference, Response, Turn
from feedback.registry.models import LanguageModel, ModelVersion

BATCH = 100_000
SOURCE = "benchmark"
TEXT = "'An answer of a few sentences. ' || repeat('It goes on for a while, as answers do. ', 10)"


def key(kind: int, number: str) -> str:
    """SQL of the identifier of the `number`th row of a kind: rows made together lie together."""
    return f"('0fc00000-000{kind}-7000-8000-' || lpad(to_hex(({number})::bigint), 12, '0'))::uuid"


def fill_comparisons(count: int, *, models: int = 20, responses: int = 10) -> None:
    """That many comparisons with texts: each prompt has `responses` answers, by as many models."""
    pairs = responses * (responses - 1) // 2
    turns = -(-count // pairs)
    assert responses <= models
    _models(models)
    numbers = f"generate_series(1, {turns}) t"
    insert_select(
        Conversation,
        {"id": key(1, "t"), "public_id": "'c' || t", "source": f"'{SOURCE}'"},
        numbers,
    )
    insert_select(
        Turn,
        {
            "id": key(2, "t"),
            "conversation_id": key(1, "t"),
            "messages": "jsonb_build_array(jsonb_build_object("
            "'role', 'user', 'content', 'Question ' || t || '?'))",
            "content_hash": "sha256(('Question ' || t || '?')::bytea)",
        },
        numbers,
    )
    insert_select(
        Response,
        {
            "id": key(3, f"(t - 1) * {responses} + r"),
            "public_id": f"'r' || (t - 1) * {responses} + r",
            "turn_id": key(2, "t"),
            "version_id": key(5, f"1 + (t * 7 + r) % {models}"),
            "text": TEXT,
            "text_hash": "sha256((t || '-' || r)::bytea)",
            "source": f"'{SOURCE}'",
            "licence": "'CC0-1.0'",
        },
        f"{numbers}, generate_series(1, {responses}) r",
    )
    _pairs(count, turns, models, responses)
    _analyze()


def _models(count: int) -> None:
    numbers = f"generate_series(1, {count}) m"
    insert_select(
        LanguageModel,
        {"id": key(4, "m"), "slug": "'model-' || m", "name": "'Model ' || m"},
        numbers,
    )
    insert_select(
        ModelVersion,
        {"id": key(5, "m"), "model_id": key(4, "m"), "version": "'1'", "label": "'Model ' || m"},
        numbers,
    )


def _pairs(count: int, turns: int, models: int, responses: int) -> None:
    """Every pair of answers to a prompt, the sides swapped in every other prompt."""
    number = f"(t - 1) * {responses * (responses - 1) // 2} + place"
    sides = {"a": "CASE WHEN t % 2 = 0 THEN i ELSE j END"}
    sides["b"] = "CASE WHEN t % 2 = 0 THEN j ELSE i END"
    columns = {"id": key(6, number), "public_id": f"'p' || {number}", "turn_id": key(2, "t")}
    for side, which in sides.items():
        columns[f"response_{side}_id"] = key(3, f"(t - 1) * {responses} + {which}")
        columns[f"version_{side}_id"] = key(5, f"1 + (t * 7 + {which}) % {models}")
    numbers = f"generate_series(1, {responses})"
    pairs = f"""(SELECT i, j, row_number() OVER (ORDER BY i, j) AS place
      FROM {numbers} i JOIN {numbers} j ON i < j) pair"""
    rows = f"generate_series(1, {turns}) t, {pairs} WHERE {number} <= {count}"
    insert_select(Comparison, columns, rows)


def fill_judgments(count: int, *, overlap: int = 3, raters: int = 1000) -> None:
    """That many judgments by imported raters, `overlap` to a comparison; the triggers tally them.

    Models differ: the chance of winning follows the number of the model (Bradley–Terry).
    """
    numbers = f"generate_series(1, {raters}) n"
    insert_select(
        Rater,
        {
            "id": key(7, "n"),
            "public_id": "'rater' || n",
            "kind": "'human'",
            "source": f"'{SOURCE}'",
            "label": "'rater ' || n",
        },
        numbers,
    )
    strength = "('x' || right(version_{side}_id::text, 12))::bit(48)::bigint * 0.05"
    gap = f"{strength.format(side='a')} - {strength.format(side='b')}"
    choice = f"""CASE WHEN chance < 0.1 THEN 'tie' WHEN chance < 0.15 THEN 'both_bad'
      WHEN (chance - 0.15) / 0.85 < 1 / (1 + exp(-({gap}))) THEN 'a' ELSE 'b' END"""
    for first in range(1, count + 1, BATCH):
        last = min(first + BATCH - 1, count)
        comparison = f"1 + (n - 1) / {overlap}"
        rater = f"1 + (({comparison}) * 31 + n % {overlap}) % {raters}"
        insert_select(
            Preference,
            {
                "id": key(8, "n"),
                "public_id": "'j' || n",
                "comparison_id": "judged.comparison_id",
                "rater_id": key(7, rater),
                "choice": choice,
                "order_shown": "CASE WHEN n % 2 = 0 THEN 'ab' ELSE 'ba' END",
                "duration_ms": "(4000 + chance * 40000)::int",
                "source": f"'{SOURCE}'",
                "licence": "'CC0-1.0'",
                "idempotency_key": "'benchmark-' || n",
                "request_digest": "sha256(n::text::bytea)",
                "judged_at": f"now() - interval '30 days' * (1 - n / {count}::float8)",
            },
            f"""(SELECT n, random() AS chance, c.id AS comparison_id, c.version_a_id, c.version_b_id
               FROM generate_series({first}, {last}) n
               JOIN feedback_comparison c ON c.id = {key(6, comparison)}) judged""",
        )
    _analyze()


def fill_work(contributor: Contributor, campaign: Campaign, count: int) -> None:
    """Let a contributor have judged the first `count` tasks of a campaign's line."""
    line = f"""(SELECT row_number() OVER () AS n, first.* FROM (
      SELECT id AS task, comparison_id AS judged FROM feedback_task
       WHERE campaign_id = '{campaign.id}' AND taken < wanted
       ORDER BY priority * -1, shuffle_key LIMIT {count}) first) done"""
    handle = f"right('{contributor.id}', 8)"
    assignment = f"md5('{contributor.id}' || task)::uuid"
    insert_select(
        Assignment,
        {
            "id": assignment,
            "token": f"{handle} || n",
            "task_id": "task",
            "contributor_id": f"'{contributor.id}'::uuid",
            "order_shown": "'ab'",
            "state": "'submitted'",
            "expires_at": "now()",
            "finished_at": "now() - interval '1 minute'",
        },
        line,
    )
    insert_select(
        Preference,
        {
            "id": "md5('preference' || a.id)::uuid",
            "public_id": "'w' || a.token",
            "comparison_id": "t.comparison_id",
            "rater_id": f"'{rater_of(contributor).id}'::uuid",
            "choice": "'a'",
            "order_shown": "'ab'",
            "source": f"'{SOURCE}'",
            "licence": "'CC0-1.0'",
            "campaign_id": "t.campaign_id",
            "assignment_id": "a.id",
            "idempotency_key": "'work-' || a.token",
            "request_digest": "sha256(a.token::bytea)",
            "judged_at": "now()",
        },
        f"feedback_assignment a JOIN feedback_task t ON t.id = a.task_id"
        f" WHERE a.contributor_id = '{contributor.id}' AND a.state = 'submitted'",
    )
    _analyze()


def insert_select(model: type[models.Model], columns: dict[str, str], rows: str) -> None:
    """INSERT … SELECT with the columns given as SQL, and every other one at its default."""
    names, expressions, values = [], [], []
    for field in model._meta.concrete_fields:
        given = field.column in columns
        if field.generated or (not given and field.db_default is not models.NOT_PROVIDED):
            continue
        names.append(field.column)
        if given:
            expressions.append(columns[field.column].replace("%", "%%"))
        elif field.column == "created_at":
            expressions.append("now()")
        else:
            expressions.append("%s")
            values.append(_default(field))
    table = model._meta.db_table
    statement = f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(expressions)} FROM "
    with connection.cursor() as cursor:
        cursor.execute(statement + rows.replace("%", "%%"), values)


def _default(field: Any) -> Any:
    value: Any = None if field.null else field.get_default()
    return field.get_db_prep_save(value, connection)


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
