-- Promotions are only ever added: which checkpoint was live when can always be told.

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON feedback_promotion
  FOR EACH ROW EXECUTE FUNCTION feedback_refuse_change();
