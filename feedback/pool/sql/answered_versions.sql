-- A model version that has answered keeps what was asked of it: its answers in the pool stay
-- those of the very model, prompt and sampling that its row names. A change is a new version.
-- The rule is the pool's, not the registry's: whether a version has answered is known here.

-- A provider may still be named where there was none: an import does not know who served it.
CREATE OR REPLACE FUNCTION feedback_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF ROW(NEW.model_id, NEW.version, NEW.label, NEW.remote_name, NEW.system_prompt, NEW.sampling,
         NEW.base_id, NEW.output_licence)
     IS NOT DISTINCT FROM
     ROW(OLD.model_id, OLD.version, OLD.label, OLD.remote_name, OLD.system_prompt, OLD.sampling,
         OLD.base_id, OLD.output_licence)
     AND (OLD.provider_id IS NULL OR NEW.provider_id IS NOT DISTINCT FROM OLD.provider_id) THEN
    RETURN NEW;
  END IF;
  IF EXISTS (SELECT FROM feedback_response
              WHERE version_id = OLD.id AND state IN ('finished', 'stopped')) THEN
    RAISE EXCEPTION 'a version that has answered is immutable: make a new one'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER immutable_once_it_answered BEFORE UPDATE ON feedback_modelversion
  FOR EACH ROW EXECUTE FUNCTION feedback_version_change();
