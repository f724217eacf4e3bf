-- What is made from a withheld text is withheld from the start, whoever makes it: otherwise a
-- comparison or a further turn that begins while a curator decides would bring the text back.

-- A comparison is withheld with its turn and with either of its responses. The locks wait for a
-- curator who is deciding just now; they are taken in the order in which `texts_withhold` takes
-- them, so that no two wait for each other.
CREATE OR REPLACE FUNCTION feedback_comparison_of_withheld() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE TRIGGER of_withheld BEFORE INSERT ON feedback_comparison
  FOR EACH ROW EXECUTE FUNCTION feedback_comparison_of_withheld();

-- A later turn is withheld with the turns before it, and with an answer that it quotes.
CREATE OR REPLACE FUNCTION feedback_turn_after_withheld() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE OR REPLACE TRIGGER after_withheld BEFORE INSERT ON feedback_turn
  FOR EACH ROW WHEN (NEW.position > 0) EXECUTE FUNCTION feedback_turn_after_withheld();

-- A response with messages of its own is withheld with an earlier answer that those quote.
CREATE OR REPLACE FUNCTION feedback_response_after_withheld() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.withheld_at := GREATEST(NEW.withheld_at, (
    SELECT max(r.withheld_at) FROM feedback_turn own
      JOIN feedback_turn t ON t.conversation_id = own.conversation_id AND t.position < own.position
      JOIN feedback_response r ON r.turn_id = t.id
     WHERE own.id = NEW.turn_id AND NEW.own_messages @> jsonb_build_array(
             jsonb_build_object('role', 'assistant', 'content', r.text))));
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER after_withheld BEFORE INSERT ON feedback_response
  FOR EACH ROW WHEN (NEW.own_messages IS NOT NULL)
  EXECUTE FUNCTION feedback_response_after_withheld();
