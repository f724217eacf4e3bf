-- A preference is never edited or deleted: it is superseded, quarantined or withdrawn, so that
-- every number that was ever computed from the pool can be explained.

-- Let only named changes through: the state along the arrows below, the visibility, each
-- publication number once, and the erasure of free text when a judgment is withdrawn. One that was
-- published, left (a text of it was withheld) and is active may come back: it waits for a new
-- number and remembers its first.
CREATE OR REPLACE FUNCTION feedback_preference_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  allowed CONSTANT text[] := ARRAY['active>superseded', 'active>quarantined', 'active>withdrawn',
    'quarantined>active', 'quarantined>withdrawn', 'superseded>withdrawn'];
  expected feedback_preference := OLD;
  comes_back CONSTANT boolean := NEW.state = 'active' AND OLD.removed_number IS NOT NULL
    AND NEW.removed_number IS NULL AND NEW.published_number IS NULL
    AND NEW.first_number = COALESCE(OLD.first_number, OLD.published_number);
BEGIN
  IF NEW.state <> OLD.state AND NOT (OLD.state || '>' || NEW.state) = ANY (allowed) THEN
    RAISE EXCEPTION 'a preference does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF NOT comes_back AND (
       (OLD.published_number IS NOT NULL
        AND NEW.published_number IS DISTINCT FROM OLD.published_number)
       OR (OLD.removed_number IS NOT NULL
        AND NEW.removed_number IS DISTINCT FROM OLD.removed_number)
       OR NEW.first_number IS DISTINCT FROM OLD.first_number) THEN
    RAISE EXCEPTION 'a publication number is given once' USING ERRCODE = 'restrict_violation';
  END IF;
  expected.state := NEW.state;
  expected.visibility := NEW.visibility;
  expected.published_number := NEW.published_number;
  expected.removed_number := NEW.removed_number;
  expected.first_number := NEW.first_number;
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

CREATE OR REPLACE TRIGGER named_changes_only BEFORE UPDATE ON feedback_preference
  FOR EACH ROW EXECUTE FUNCTION feedback_preference_change();

CREATE OR REPLACE TRIGGER no_delete BEFORE DELETE ON feedback_preference
  FOR EACH ROW EXECUTE FUNCTION feedback_refuse_change();
