"""Changes of the tables of arena."""

from django.db import migrations, models

# What is new on a text that was taken out is out from the start. The locks wait for a curator who
# is deciding just now; they are taken in the order in which `texts_withhold` takes them.
WITHHELD = """
CREATE FUNCTION feedback_comparison_of_withheld() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM feedback_response WHERE id IN (NEW.response_a_id, NEW.response_b_id)
    ORDER BY id FOR SHARE;
  PERFORM FROM feedback_turn WHERE id = NEW.turn_id FOR SHARE;
  NEW.withheld_at := GREATEST(NEW.withheld_at,
    (SELECT withheld_at FROM feedback_turn WHERE id = NEW.turn_id),
    (SELECT max(withheld_at) FROM feedback_response
      WHERE id IN (NEW.response_a_id, NEW.response_b_id)));
  RETURN NEW;
END $$;
CREATE TRIGGER of_withheld BEFORE INSERT ON feedback_comparison
  FOR EACH ROW EXECUTE FUNCTION feedback_comparison_of_withheld();

CREATE FUNCTION feedback_turn_after_withheld() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.withheld_at := GREATEST(NEW.withheld_at,
    (SELECT max(withheld_at) FROM feedback_turn
      WHERE conversation_id = NEW.conversation_id AND position < NEW.position),
    (SELECT max(r.withheld_at) FROM feedback_response r JOIN feedback_turn t ON t.id = r.turn_id
      WHERE t.conversation_id = NEW.conversation_id AND t.position < NEW.position
        AND NEW.messages @> jsonb_build_array(
              jsonb_build_object('role', 'assistant', 'content', r.text))));
  RETURN NEW;
END $$;
CREATE TRIGGER after_withheld BEFORE INSERT ON feedback_turn
  FOR EACH ROW WHEN (NEW.position > 0) EXECUTE FUNCTION feedback_turn_after_withheld();

CREATE FUNCTION feedback_response_after_withheld() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.withheld_at := GREATEST(NEW.withheld_at, (
    SELECT max(r.withheld_at) FROM feedback_turn own
      JOIN feedback_turn t ON t.conversation_id = own.conversation_id AND t.position < own.position
      JOIN feedback_response r ON r.turn_id = t.id
     WHERE own.id = NEW.turn_id AND NEW.own_messages @> jsonb_build_array(
             jsonb_build_object('role', 'assistant', 'content', r.text))));
  RETURN NEW;
END $$;
CREATE TRIGGER after_withheld BEFORE INSERT ON feedback_response
  FOR EACH ROW WHEN (NEW.own_messages IS NOT NULL)
  EXECUTE FUNCTION feedback_response_after_withheld();
"""
WITHHELD_BACK = """
DROP TRIGGER of_withheld ON feedback_comparison;
DROP TRIGGER after_withheld ON feedback_turn;
DROP TRIGGER after_withheld ON feedback_response;
DROP FUNCTION feedback_comparison_of_withheld, feedback_turn_after_withheld,
  feedback_response_after_withheld;
"""


class Migration(migrations.Migration):
    """Run once, after the migration before it."""

    dependencies = [("feedback", "0008_annotation")]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="mode",
            field=models.CharField(
                choices=[("duel", "Duel"), ("assist", "Assist")],
                db_default="duel",
                default="duel",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="response",
            name="own_messages",
            field=models.JSONField(null=True),
        ),
        migrations.RunSQL(WITHHELD, WITHHELD_BACK),
    ]
