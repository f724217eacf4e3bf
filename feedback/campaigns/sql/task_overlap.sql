-- `taken` and `submitted` of a task follow its assignments, whoever writes them; the checks of the
-- task's table then make more judgments than are wanted impossible.

CREATE OR REPLACE FUNCTION feedback_assignment_count() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE TRIGGER count_overlap AFTER INSERT OR DELETE OR UPDATE OF state
  ON feedback_assignment
  FOR EACH ROW EXECUTE FUNCTION feedback_assignment_count();
