-- A release is immutable and stays: what was downloaded under its name can be checked for ever.

-- Let one change through: a retraction, written onto a release that has none.
CREATE OR REPLACE FUNCTION feedback_release_change() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE TRIGGER only_a_retraction BEFORE UPDATE ON feedback_release
  FOR EACH ROW EXECUTE FUNCTION feedback_release_change();

CREATE OR REPLACE TRIGGER no_delete BEFORE DELETE ON feedback_release
  FOR EACH ROW EXECUTE FUNCTION feedback_refuse_change();
