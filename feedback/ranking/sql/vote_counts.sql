-- Every judgment that enters or leaves the pool is counted in `feedback_votetally` in the same
-- transaction, weighted by its rater, so that a ranking reads a few thousand rows, not a million
-- judgments, and is never behind them. Rows are increments: two people who judge the same pair
-- never wait for each other. Answers to gold items say how good a rater is, not how good a model
-- is, and do not count.

-- What a judgment says to a ranking: one row for all topics and one for each topic of its prompt.
-- `outcome` is seen from the version with the smaller key, so that either order is one pair.
CREATE OR REPLACE VIEW feedback_counted AS
SELECT p.id, p.rater_id, p.comparison_id, p.campaign_id, p.state,
       LEAST(c.version_a_id, c.version_b_id) AS version_low_id,
       GREATEST(c.version_a_id, c.version_b_id) AS version_high_id,
       CASE WHEN p.choice IN ('tie', 'both_bad') THEN p.choice
            WHEN (p.choice = 'a') = (c.version_a_id < c.version_b_id) THEN 'low'
            ELSE 'high' END AS outcome,
       t.topic_id
  FROM feedback_preference p
  JOIN feedback_comparison c ON c.id = p.comparison_id
 CROSS JOIN LATERAL (
   SELECT NULL::uuid AS topic_id
   UNION ALL SELECT tt.topic_id FROM feedback_turn_topics tt WHERE tt.turn_id = c.turn_id
 ) t
 WHERE c.unranked_reason = '' AND c.version_a_id <> c.version_b_id;

-- Add judgments (weight 1) or take them away (weight -1). Increments carry the rater's weight of
-- the moment; the raters are locked first, so that no judgment slips in with an old weight while
-- `feedback_tally_reweigh` adds the difference for those that are there.
CREATE OR REPLACE FUNCTION feedback_tally_add(judged uuid[], weights int[]) RETURNS void
LANGUAGE sql AS $$
  SELECT 1 FROM feedback_rater
    WHERE id IN (SELECT rater_id FROM feedback_preference WHERE id = ANY (judged))
    ORDER BY id FOR SHARE;
  INSERT INTO feedback_votetally
    (version_low_id, version_high_id, outcome, rater_kind, topic_id, n, weight, square)
  SELECT c.version_low_id, c.version_high_id, c.outcome, r.kind, c.topic_id,
         sum(j.weight), sum(j.weight * r.weight), sum(j.weight * r.weight * r.weight)
    FROM unnest(judged, weights) AS j (id, weight)
    JOIN feedback_counted c ON c.id = j.id
    JOIN feedback_rater r ON r.id = c.rater_id
   WHERE NOT EXISTS (SELECT FROM feedback_golditem g
      WHERE g.comparison_id = c.comparison_id AND g.campaign_id = c.campaign_id)
   GROUP BY 1, 2, 3, 4, 5 HAVING sum(j.weight) <> 0 OR sum(j.weight * r.weight) <> 0;
$$;

-- New judgments count. Once a statement, not once a row: an import adds thousands at a time.
CREATE OR REPLACE FUNCTION feedback_tally_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM feedback_tally_add(array_agg(id), array_agg(1)) FROM added WHERE state = 'active';
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tally_insert AFTER INSERT ON feedback_preference
  REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION feedback_tally_insert();

-- Judgments that become active count, and those that stop being active no longer do.
CREATE OR REPLACE FUNCTION feedback_tally_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM feedback_tally_add(array_agg(n.id),
                             array_agg(CASE n.state WHEN 'active' THEN 1 ELSE -1 END))
     FROM added n JOIN removed o ON o.id = n.id
    WHERE (n.state = 'active') <> (o.state = 'active');
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tally_update AFTER UPDATE ON feedback_preference
  REFERENCING OLD TABLE AS removed NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION feedback_tally_update();

-- A rater's new weight holds for all their judgments: the difference is added, the number is not.
CREATE OR REPLACE FUNCTION feedback_tally_reweigh() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO feedback_votetally
    (version_low_id, version_high_id, outcome, rater_kind, topic_id, n, weight, square)
  SELECT c.version_low_id, c.version_high_id, c.outcome, NEW.kind, c.topic_id, 0,
         count(*) * (NEW.weight - OLD.weight),
         count(*) * (NEW.weight * NEW.weight - OLD.weight * OLD.weight)
    FROM feedback_counted c
   WHERE c.rater_id = NEW.id AND c.state = 'active'
     AND NOT EXISTS (SELECT FROM feedback_golditem g
      WHERE g.comparison_id = c.comparison_id AND g.campaign_id = c.campaign_id)
   GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tally_reweigh AFTER UPDATE OF weight ON feedback_rater
  FOR EACH ROW WHEN (NEW.weight <> OLD.weight) EXECUTE FUNCTION feedback_tally_reweigh();

-- A comparison that becomes a gold item of a campaign stops counting there; one that no longer is
-- counts again.
CREATE OR REPLACE FUNCTION feedback_tally_gold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  gold feedback_golditem := COALESCE(NEW, OLD);
  sign int := CASE TG_OP WHEN 'INSERT' THEN -1 ELSE 1 END;
BEGIN
  INSERT INTO feedback_votetally
    (version_low_id, version_high_id, outcome, rater_kind, topic_id, n, weight, square)
  SELECT c.version_low_id, c.version_high_id, c.outcome, r.kind, c.topic_id,
         sign * count(*), sign * sum(r.weight), sign * sum(r.weight * r.weight)
    FROM feedback_counted c JOIN feedback_rater r ON r.id = c.rater_id
   WHERE c.comparison_id = gold.comparison_id AND c.campaign_id = gold.campaign_id
     AND c.state = 'active'
   GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tally_gold AFTER INSERT OR DELETE ON feedback_golditem
  FOR EACH ROW EXECUTE FUNCTION feedback_tally_gold();
