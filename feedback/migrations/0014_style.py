"""Votes summed up by style: counts of each text, a tally beside that of votes, boards kept."""

from typing import Any

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import feedback.identifiers

# The same counts as `trainers.data.style.counted`; kept with the text by whoever writes it, and of no
# use to the ORM, which does not know the column.
COUNTED = """
CREATE FUNCTION feedback_style(text) RETURNS int[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ARRAY[
    char_length(t),
    CASE WHEN strpos(t, '#') > 0 THEN regexp_count(t, '^#{1,6}[ \\t]', 1, 'n') ELSE 0 END,
    CASE WHEN strpos(t, '**') > 0 THEN regexp_count(t, '\\*\\*[^*\\n]+\\*\\*') ELSE 0 END,
    regexp_count(t, '^[ \\t]*([-*+•]|[0-9]{1,3}[.)])[ \\t]', 1, 'n')]
  FROM left($1, 100000) AS t
$$;
ALTER TABLE feedback_response
  ADD COLUMN style int[] GENERATED ALWAYS AS (feedback_style(text)) STORED;
"""
COUNTED_BACK = """
ALTER TABLE feedback_response DROP COLUMN style;
DROP FUNCTION feedback_style(text);
"""

# What `feedback_counted` says, with the relative differences of the two texts, low less high, and
# the cell of style; without texts the cell is empty and nothing differs.
STYLED = """
CREATE FUNCTION feedback_relative(a int, b int, more int) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN a + b + more = 0 THEN 0 ELSE (a - b)::float8 / (a + b + more) END
$$;
CREATE VIEW feedback_styled AS
SELECT k.*, COALESCE(f.length, 0) AS length, COALESCE(f.headers, 0) AS headers,
       COALESCE(f.bold, 0) AS bold, COALESCE(f.lists, 0) AS lists,
       3 * width_bucket(f.length, ARRAY[-0.25, 0.25]::float8[])
         + width_bucket((f.headers + f.bold + f.lists) / 3, ARRAY[-0.25, 0.25]::float8[]) AS cell
  FROM feedback_counted k
  JOIN feedback_comparison c ON c.id = k.comparison_id
  LEFT JOIN feedback_response l ON l.id =
    CASE WHEN c.version_a_id = k.version_low_id THEN c.response_a_id ELSE c.response_b_id END
  LEFT JOIN feedback_response h ON h.id =
    CASE WHEN c.version_a_id = k.version_low_id THEN c.response_b_id ELSE c.response_a_id END
 CROSS JOIN LATERAL (
   SELECT feedback_relative(l.style[1], h.style[1], 0) AS length,
          feedback_relative(l.style[2], h.style[2], 1) AS headers,
          feedback_relative(l.style[3], h.style[3], 1) AS bold,
          feedback_relative(l.style[4], h.style[4], 1) AS lists
 ) f;
"""
STYLED_BACK = """
DROP VIEW feedback_styled;
DROP FUNCTION feedback_relative(int, int, int);
"""

# Increments beside those of the tally of votes, for the same events. The names of the triggers
# come after those in the alphabet: PostgreSQL fires them in that order, so the raters are locked.
# Texts that are complete do not change; one that does would leave its old sums behind.
FEATURES = ("length", "headers", "bold", "lists")
PRODUCTS = [f"s.{a} * s.{b}" for i, a in enumerate(FEATURES) for b in FEATURES[i:]]
SUMS = ", ".join(f"sum(j.weight * {each})" for each in [*(f"s.{a}" for a in FEATURES), *PRODUCTS])
TALLY = """
CREATE FUNCTION feedback_style_add(
  judged uuid[], ns int[], weights float8[], squares float8[]) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO feedback_styletally
    (version_low_id, version_high_id, outcome, rater_kind, topic_id, cell, n, weight, square,
     moments)
  SELECT s.version_low_id, s.version_high_id, s.outcome, r.kind, s.topic_id, s.cell,
         sum(j.n), sum(j.weight), sum(j.square), ARRAY[{SUMS}]
    FROM unnest(judged, ns, weights, squares) AS j (id, n, weight, square)
    JOIN feedback_styled s ON s.id = j.id
    JOIN feedback_rater r ON r.id = s.rater_id
   GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(j.n) <> 0 OR sum(j.weight) <> 0;
$$;
CREATE VIEW feedback_ranked_judgment AS
SELECT p.id, p.rater_id, p.comparison_id, p.campaign_id, p.state, r.weight
  FROM feedback_preference p JOIN feedback_rater r ON r.id = p.rater_id
 WHERE NOT EXISTS (SELECT FROM feedback_golditem g
    WHERE g.comparison_id = p.comparison_id AND g.campaign_id = p.campaign_id);
CREATE FUNCTION feedback_style_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM feedback_style_add(array_agg(j.id), array_agg(1), array_agg(j.weight),
                             array_agg(j.weight * j.weight))
     FROM added a JOIN feedback_ranked_judgment j ON j.id = a.id WHERE a.state = 'active';
  RETURN NULL;
END $$;
CREATE FUNCTION feedback_style_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM feedback_style_add(array_agg(j.id), array_agg(d.sign), array_agg(d.sign * j.weight),
                             array_agg(d.sign * j.weight * j.weight))
     FROM added n JOIN removed o ON o.id = n.id
     JOIN feedback_ranked_judgment j ON j.id = n.id
    CROSS JOIN LATERAL (SELECT CASE n.state WHEN 'active' THEN 1 ELSE -1 END AS sign) d
    WHERE (n.state = 'active') <> (o.state = 'active');
  RETURN NULL;
END $$;
CREATE FUNCTION feedback_style_reweigh() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM feedback_style_add(array_agg(j.id), array_agg(0), array_agg(NEW.weight - OLD.weight),
                             array_agg(NEW.weight * NEW.weight - OLD.weight * OLD.weight))
     FROM feedback_ranked_judgment j WHERE j.rater_id = NEW.id AND j.state = 'active';
  RETURN NULL;
END $$;
CREATE FUNCTION feedback_style_gold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  gold feedback_golditem := COALESCE(NEW, OLD);
  sign int := CASE TG_OP WHEN 'INSERT' THEN -1 ELSE 1 END;
BEGIN
  PERFORM feedback_style_add(array_agg(p.id), array_agg(sign), array_agg(sign * r.weight),
                             array_agg(sign * r.weight * r.weight))
     FROM feedback_preference p JOIN feedback_rater r ON r.id = p.rater_id
    WHERE p.comparison_id = gold.comparison_id AND p.campaign_id = gold.campaign_id
      AND p.state = 'active';
  RETURN NULL;
END $$;
CREATE TRIGGER tally_style_insert AFTER INSERT ON feedback_preference
  REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION feedback_style_insert();
CREATE TRIGGER tally_style_update AFTER UPDATE ON feedback_preference
  REFERENCING OLD TABLE AS removed NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION feedback_style_update();
CREATE TRIGGER tally_style_weight AFTER UPDATE OF weight ON feedback_rater
  FOR EACH ROW WHEN (NEW.weight <> OLD.weight) EXECUTE FUNCTION feedback_style_reweigh();
CREATE TRIGGER tally_style_gold AFTER INSERT OR DELETE ON feedback_golditem
  FOR EACH ROW EXECUTE FUNCTION feedback_style_gold();
""".replace("{SUMS}", SUMS)
TALLY_BACK = """
DROP TRIGGER tally_style_insert ON feedback_preference;
DROP TRIGGER tally_style_update ON feedback_preference;
DROP TRIGGER tally_style_weight ON feedback_rater;
DROP TRIGGER tally_style_gold ON feedback_golditem;
DROP FUNCTION feedback_style_insert(), feedback_style_update(), feedback_style_reweigh(),
  feedback_style_gold();
DROP VIEW feedback_ranked_judgment;
DROP FUNCTION feedback_style_add(uuid[], int[], float8[], float8[]);
"""

# The judgments until now.
FILL = """
SELECT feedback_style_add(array_agg(id), array_agg(1), array_agg(weight),
                          array_agg(weight * weight))
  FROM feedback_ranked_judgment WHERE state = 'active';
"""


def reference(model: str, **options: Any) -> Any:
    """A key that nothing is looked up by from the other side."""
    return models.ForeignKey(model, django.db.models.deletion.CASCADE, related_name="+", **options)


def key() -> tuple[str, Any]:
    """The key that every table of ours has."""
    return "id", models.UUIDField(
        default=feedback.identifiers.new_id, editable=False, primary_key=True, serialize=False
    )


def made() -> tuple[str, Any]:
    """When a row was made."""
    return "created_at", models.DateTimeField(auto_now_add=True)


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0013_newcomers")]

    operations = [
        migrations.CreateModel(
            name="StyleTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("outcome", models.CharField(max_length=8)),
                (
                    "rater_kind",
                    models.CharField(choices=[("human", "Human"), ("ai", "Ai")], max_length=8),
                ),
                ("cell", models.SmallIntegerField(null=True)),
                ("n", models.IntegerField()),
                ("weight", models.FloatField()),
                ("square", models.FloatField()),
                (
                    "moments",
                    django.contrib.postgres.fields.ArrayField(models.FloatField(), size=14),
                ),
                ("topic", reference("feedback.topic", null=True)),
                ("version_high", reference("feedback.modelversion")),
                ("version_low", reference("feedback.modelversion")),
            ],
            options={
                "indexes": [models.Index(fields=["topic", "rater_kind"], name="style_tally_board")]
            },
        ),
        migrations.CreateModel(
            name="StyledBoard",
            fields=[
                key(),
                made(),
                ("topic", reference("feedback.topic", null=True)),
                ("rater_kind", models.CharField(blank=True, max_length=8)),
                ("board", models.JSONField()),
                ("newest", models.BigIntegerField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["topic", "rater_kind"],
                        name="styled_board_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RankingCheck",
            fields=[
                key(),
                made(),
                ("judgments", models.PositiveIntegerField()),
                ("report", models.JSONField()),
                ("updated_at", models.DateTimeField()),
            ],
        ),
        migrations.RunSQL(COUNTED, COUNTED_BACK),
        migrations.RunSQL(STYLED, STYLED_BACK),
        migrations.RunSQL(TALLY, TALLY_BACK),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
