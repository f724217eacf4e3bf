"""What constraints in a model's Meta cannot say: composite keys and triggers."""

from django.db import migrations

# A comparison's responses both answer the comparison's own turn.
ONE_TURN = """
ALTER TABLE feedback_comparison
  ADD CONSTRAINT comparison_response_a_in_turn FOREIGN KEY (response_a_id, turn_id)
    REFERENCES feedback_response (id, turn_id) DEFERRABLE INITIALLY DEFERRED,
  ADD CONSTRAINT comparison_response_b_in_turn FOREIGN KEY (response_b_id, turn_id)
    REFERENCES feedback_response (id, turn_id) DEFERRABLE INITIALLY DEFERRED;
"""
ONE_TURN_BACK = """
ALTER TABLE feedback_comparison
  DROP CONSTRAINT comparison_response_a_in_turn, DROP CONSTRAINT comparison_response_b_in_turn;
"""

# Rows that are only ever added. Starter data may be erased: its one command says so by a setting
# that lasts as long as its transaction.
APPEND_ONLY = """
CREATE FUNCTION feedback_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('feedback.erasing', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON feedback_consentrecord
  FOR EACH ROW EXECUTE FUNCTION feedback_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON feedback_auditevent
  FOR EACH ROW EXECUTE FUNCTION feedback_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON feedback_promotion
  FOR EACH ROW EXECUTE FUNCTION feedback_refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON feedback_preference
  FOR EACH ROW EXECUTE FUNCTION feedback_refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE ON feedback_release
  FOR EACH ROW EXECUTE FUNCTION feedback_refuse_change();
"""
APPEND_ONLY_BACK = """
DROP TRIGGER append_only ON feedback_consentrecord;
DROP TRIGGER append_only ON feedback_auditevent;
DROP TRIGGER append_only ON feedback_promotion;
DROP TRIGGER no_delete ON feedback_preference;
DROP TRIGGER no_delete ON feedback_release;
DROP FUNCTION feedback_refuse_change();
"""

# A preference changes only in named ways: its state along the arrows below, its visibility, its
# publication numbers once each, and its free text is erased when it is withdrawn.
PREFERENCE = """
CREATE FUNCTION feedback_preference_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  allowed CONSTANT text[] := ARRAY['active>superseded', 'active>quarantined', 'active>withdrawn',
    'quarantined>active', 'quarantined>withdrawn', 'superseded>withdrawn'];
  expected feedback_preference := OLD;
BEGIN
  IF NEW.state <> OLD.state AND NOT (OLD.state || '>' || NEW.state) = ANY (allowed) THEN
    RAISE EXCEPTION 'a preference does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF (OLD.published_number IS NOT NULL
      AND NEW.published_number IS DISTINCT FROM OLD.published_number)
     OR (OLD.removed_number IS NOT NULL
      AND NEW.removed_number IS DISTINCT FROM OLD.removed_number) THEN
    RAISE EXCEPTION 'a publication number is given once' USING ERRCODE = 'restrict_violation';
  END IF;
  expected.state := NEW.state;
  expected.visibility := NEW.visibility;
  expected.published_number := NEW.published_number;
  expected.removed_number := NEW.removed_number;
  IF NEW.state = 'withdrawn' THEN
    expected.rationale := '';
    expected.reasons := '{}';
    expected.aspects := '{}';
  END IF;
  IF NEW IS DISTINCT FROM expected THEN
    RAISE EXCEPTION 'a preference is append-only: supersede it instead'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER named_changes_only BEFORE UPDATE ON feedback_preference
  FOR EACH ROW EXECUTE FUNCTION feedback_preference_change();
"""
PREFERENCE_BACK = """
DROP TRIGGER named_changes_only ON feedback_preference;
DROP FUNCTION feedback_preference_change();
"""

# A release is immutable; a retraction may be written onto it, once.
RELEASE = """
CREATE FUNCTION feedback_release_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  expected feedback_release := OLD;
BEGIN
  IF OLD.retracted_at IS NULL THEN
    expected.retracted_at := NEW.retracted_at;
    expected.retraction_reason := NEW.retraction_reason;
  END IF;
  IF NEW IS DISTINCT FROM expected THEN
    RAISE EXCEPTION 'a release is immutable' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER only_a_retraction BEFORE UPDATE ON feedback_release
  FOR EACH ROW EXECUTE FUNCTION feedback_release_change();
"""
RELEASE_BACK = """
DROP TRIGGER only_a_retraction ON feedback_release;
DROP FUNCTION feedback_release_change();
"""

# `taken` and `submitted` of a task follow its assignments; the task's checks then make an overlap
# beyond what is wanted impossible, whoever writes the assignment.
OVERLAP = """
CREATE FUNCTION feedback_assignment_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before_taken int := 0; after_taken int := 0;
  before_submitted int := 0; after_submitted int := 0;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    before_taken := (OLD.state IN ('live', 'submitted'))::int;
    before_submitted := (OLD.state = 'submitted')::int;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    after_taken := (NEW.state IN ('live', 'submitted'))::int;
    after_submitted := (NEW.state = 'submitted')::int;
  END IF;
  IF after_taken <> before_taken OR after_submitted <> before_submitted THEN
    UPDATE feedback_task
       SET taken = taken + after_taken - before_taken,
           submitted = submitted + after_submitted - before_submitted
     WHERE id = COALESCE(NEW.task_id, OLD.task_id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER count_overlap AFTER INSERT OR DELETE OR UPDATE OF state ON feedback_assignment
  FOR EACH ROW EXECUTE FUNCTION feedback_assignment_count();
"""
OVERLAP_BACK = """
DROP TRIGGER count_overlap ON feedback_assignment;
DROP FUNCTION feedback_assignment_count();
"""

# Every judgment that enters or leaves the pool is an increment of the tally that rankings read.
TALLY = """
CREATE FUNCTION feedback_tally_add(judged uuid[], weights int[]) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO feedback_votetally
    (version_low_id, version_high_id, outcome, rater_kind, topic_id, n)
  SELECT LEAST(c.version_a_id, c.version_b_id), GREATEST(c.version_a_id, c.version_b_id),
         CASE WHEN p.choice IN ('tie', 'both_bad') THEN p.choice
              WHEN (p.choice = 'a') = (c.version_a_id < c.version_b_id) THEN 'low'
              ELSE 'high' END AS outcome,
         r.kind, t.topic_id, sum(j.weight)
    FROM unnest(judged, weights) AS j (id, weight)
    JOIN feedback_preference p ON p.id = j.id
    JOIN feedback_comparison c ON c.id = p.comparison_id
    JOIN feedback_rater r ON r.id = p.rater_id
    CROSS JOIN LATERAL (
      SELECT NULL::uuid AS topic_id
      UNION ALL SELECT tt.topic_id FROM feedback_turn_topics tt WHERE tt.turn_id = c.turn_id
    ) t
   WHERE c.unranked_reason = '' AND c.version_a_id <> c.version_b_id
   GROUP BY 1, 2, 3, 4, 5 HAVING sum(j.weight) <> 0;
$$;
CREATE FUNCTION feedback_tally_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM feedback_tally_add(array_agg(id), array_agg(1)) FROM added WHERE state = 'active';
  RETURN NULL;
END $$;
CREATE FUNCTION feedback_tally_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM feedback_tally_add(array_agg(n.id), array_agg(CASE n.state WHEN 'active' THEN 1 ELSE -1 END))
     FROM added n JOIN removed o ON o.id = n.id
    WHERE (n.state = 'active') <> (o.state = 'active');
  RETURN NULL;
END $$;
CREATE TRIGGER tally_insert AFTER INSERT ON feedback_preference
  REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION feedback_tally_insert();
CREATE TRIGGER tally_update AFTER UPDATE ON feedback_preference
  REFERENCING OLD TABLE AS removed NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION feedback_tally_update();
"""
TALLY_BACK = """
DROP TRIGGER tally_insert ON feedback_preference;
DROP TRIGGER tally_update ON feedback_preference;
DROP FUNCTION feedback_tally_insert();
DROP FUNCTION feedback_tally_update();
DROP FUNCTION feedback_tally_add(uuid[], int[]);
"""

# The dimension that is written beside a vector is the vector's own.
EMBEDDING = """
ALTER TABLE feedback_embedding
  ADD CONSTRAINT embedding_dimension CHECK (vector_dims(vector) = dimension);
"""
EMBEDDING_BACK = "ALTER TABLE feedback_embedding DROP CONSTRAINT embedding_dimension;"


class Migration(migrations.Migration):
    """Run once, after the tables are there."""

    dependencies = [("feedback", "0001_initial")]

    operations = [
        migrations.RunSQL(forward, backward)
        for forward, backward in (
            (ONE_TURN, ONE_TURN_BACK),
            (APPEND_ONLY, APPEND_ONLY_BACK),
            (PREFERENCE, PREFERENCE_BACK),
            (RELEASE, RELEASE_BACK),
            (OVERLAP, OVERLAP_BACK),
            (TALLY, TALLY_BACK),
            (EMBEDDING, EMBEDDING_BACK),
        )
    ]
