-- Consents and audit events are only ever added: they prove what was agreed to and what was done.
-- Other domains attach the same function to tables of their own (feedback/*/sql).

-- Refuse an UPDATE or DELETE. Starter data alone may be deleted, and only by the one command that
-- sets `feedback.erasing` for the length of its transaction.
CREATE OR REPLACE FUNCTION feedback_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('feedback.erasing', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON feedback_consentrecord
  FOR EACH ROW EXECUTE FUNCTION feedback_refuse_change();

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON feedback_auditevent
  FOR EACH ROW EXECUTE FUNCTION feedback_refuse_change();
